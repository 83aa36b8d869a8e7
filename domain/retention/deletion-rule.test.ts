import test from 'ava';
import type { Attributes } from '#domain/attributes/attributes-types.ts';
import { isDomainError } from '#domain/errors.ts';
import { parseInstant } from '#domain/instant.ts';
import type { JsonValue } from '#domain/json.ts';
import { requireRetentionPermitsDeletion } from './deletion-rule.ts';

const now = parseInstant('2026-06-01T12:00:00.5Z')!;
const hold = { id: 'h1', reason: 'суд', placed_by: 'x', placed_at: '2026-01-01T00:00:00+00:00' };

const permitted: Record<string, JsonValue | undefined> = {
  'no retention, as in adopted archives': undefined,
  'a temporary file, however long it has to live': {
    policy: 'temporary',
    expires_at: '2027-01-01T00:00:00+00:00',
  },
  'a permanent one without an end': { policy: 'permanent' },
  'an end that has passed': { policy: 'permanent', retain_until: '2026-06-01T12:00:00+00:00' },
  'an end at this very instant': {
    policy: 'permanent',
    retain_until: '2026-06-01T12:00:00.500+00:00',
  },
  'no holds any more': { policy: 'permanent', retain_until: null, legal_holds: [] },
};

const forbidden: Record<string, JsonValue> = {
  'an end in the future': { policy: 'permanent', retain_until: '2026-06-01T12:00:00.6+00:00' },
  'the same of a temporary file': {
    policy: 'temporary',
    retain_until: '2026-06-02T00:00:00+00:00',
  },
  'a legal hold': { policy: 'temporary', legal_holds: [hold] },
  'several holds': { policy: 'temporary', legal_holds: [hold, { ...hold, id: 'h2' }] },
  'an unknown policy': { policy: 'for ever' },
  'an end that is no instant': { policy: 'permanent', retain_until: 'tomorrow' },
  'a hold without its reason': { policy: 'permanent', legal_holds: [{ id: 'h1' }] },
  'no object at all': 'contract',
  null: null,
};

for (const [title, retention] of Object.entries(permitted)) {
  test(`may go: ${title}`, (t) => {
    t.notThrows(() => requireRetentionPermitsDeletion(withRetention(retention), now));
  });
}

for (const [title, retention] of Object.entries(forbidden)) {
  test(`stays: ${title}`, (t) => {
    const error = t.throws(() => requireRetentionPermitsDeletion(withRetention(retention), now));
    t.true(isDomainError(error, 'RETENTION_FORBIDS_DELETION'));
  });
}

function withRetention(retention: JsonValue | undefined): Attributes {
  return (retention === undefined ? {} : { retention }) as unknown as Attributes;
}

import test from 'ava';
import type { ParsedSidecar } from '#domain/attributes/attributes-codec.ts';
import type { Attributes } from '#domain/attributes/attributes-types.ts';
import type { JsonObject } from '#domain/json.ts';
import { judgeSidecar } from '#domain/rebuild/judge-sidecar.ts';

function parsed(change: Partial<ParsedSidecar> = {}, members: JsonObject = {}): ParsedSidecar {
  return {
    attributes: { file_size: 15, ...members } as Attributes,
    sourceVersion: '2.0',
    dialect: 'v2.0',
    sizeBytes: 1000,
    digest: '',
    integrity: 'valid',
    ...change,
  };
}

const whole = { kind: 'file', sizeBytes: 15 } as const;
const codesOf = ({ findings }: ReturnType<typeof judgeSidecar>) => findings.map(({ code }) => code);

test('what is whole is stored, with a digest of its own or without', (t) => {
  for (const integrity of ['valid', 'absent'] as const) {
    t.deepEqual(judgeSidecar(parsed({ integrity }), whole, 'edit'), {
      state: 'stored',
      findings: [],
    });
  }
});

test('a wrong digest makes it suspect', (t) => {
  const judged = judgeSidecar(parsed({ integrity: 'invalid' }), whole, 'edit');
  t.is(judged.state, 'suspect');
  t.deepEqual(codesOf(judged), ['INTEGRITY_MISMATCH']);
});

test('another length makes it suspect; compressed content has the length of its stored form', (t) => {
  const judged = judgeSidecar(parsed(), { kind: 'file', sizeBytes: 14 }, 'rw');
  t.is(judged.state, 'suspect');
  t.deepEqual(codesOf(judged), ['SIZE_MISMATCH']);
  const stored = { encoding: 'gzip', size: 14, checksum: 'a'.repeat(64) };
  t.is(judgeSidecar(parsed({}, { stored }), { kind: 'file', sizeBytes: 14 }, 'rw').state, 'stored');
  t.is(judgeSidecar(parsed({}, { stored }), whole, 'rw').state, 'suspect');
});

test('without its content it is missing, but where content lies on cold media', (t) => {
  const judged = judgeSidecar(parsed(), { kind: 'absent' }, 'ro');
  t.is(judged.state, 'missing');
  t.deepEqual(codesOf(judged), ['CONTENT_MISSING']);
  t.deepEqual(judgeSidecar(parsed(), { kind: 'absent' }, 'ar'), {
    state: 'archived',
    findings: [],
  });
  t.is(judgeSidecar(parsed(), { kind: 'unusable' }, 'ar').state, 'missing');
});

test('one above the limit is taken and reported, beside whatever else is wrong', (t) => {
  t.deepEqual(codesOf(judgeSidecar(parsed({ sizeBytes: 4096 }), whole, 'edit')), []);
  const judged = judgeSidecar(
    parsed({ sizeBytes: 4097, integrity: 'invalid' }),
    { kind: 'absent' },
    'edit',
  );
  t.is(judged.state, 'missing');
  t.deepEqual(codesOf(judged), ['ATTRIBUTES_TOO_LARGE', 'INTEGRITY_MISMATCH', 'CONTENT_MISSING']);
});

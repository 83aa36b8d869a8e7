import test from 'ava';
import { determineUpload, requireFittingAttributes } from '#api/uploads/determine-upload.ts';
import { isDomainError } from '#domain/errors.ts';
import type { AccountId, ElementId, FileId } from '#domain/ids.ts';
import { parseInstant } from '#domain/instant.ts';
import { limits } from '#domain/limits.ts';
import type { TemplateId } from '#domain/templates/template-name.ts';
import { openAttributesCodec } from '#infra/json-schema/attributes-codec.ts';

const codec = openAttributesCodec();
const identity = {
  fileId: 'a1b2c3d4-e5f6-7890-abcd-ef1234567890' as FileId,
  elementId: 'x'.repeat(63) as ElementId,
  createdAt: parseInstant('2026-01-13T08:17:28.123456789Z')!,
  caller: {
    accountId: 'a1b2c3d4-e5f6-7890-abcd-ef1234567890' as AccountId,
    clientId: 'sa_prod_x_12345678',
    // The longest name of an account, in letters of two bytes.
    name: 'ы'.repeat(200),
    role: 'USER',
    scopes: [],
  },
} as const;

const describe = (description: string) => ({
  filename: 'x.pdf',
  contentType: 'application/pdf',
  user: { description, version: null, tags: [], metadata: {}, customAttributes: {} },
  retention: { policy: 'permanent', retainUntil: identity.createdAt } as const,
  template: `${'t'.repeat(limits.templateNameChars)}@999999999` as TemplateId,
});

const encode = (description: string) => {
  const { user, retention, template, ...file } = describe(description);
  const content = { sizeBytes: limits.uploadSizeBytes, checksum: 'f'.repeat(64) };
  return determineUpload(codec, identity, {
    ...file,
    fields: { user, retention, template: null },
    template,
    content,
  });
};

test('what is let through at first sight always fits in the end', (t) => {
  // With the list around it these are the bytes at which the second look begins.
  const longest = 1024 - Buffer.byteLength(JSON.stringify(Object.values(describe('')).slice(0, 3)));
  t.notThrows(() => requireFittingAttributes(codec, identity, describe('x'.repeat(longest))));
  const { sidecar } = encode('x'.repeat(longest));
  t.true(Buffer.byteLength(sidecar) < limits.sidecarSizeBytes - limits.sidecarReserveBytes - 500);
});

test('attributes that cannot fit are refused without the content', (t) => {
  const error = t.throws(() =>
    requireFittingAttributes(codec, identity, describe('x'.repeat(3500))),
  );
  t.true(isDomainError(error, 'ATTRIBUTES_TOO_LARGE'));
});

test('a name that cannot be used is refused without the content, however short it is', (t) => {
  const error = t.throws(() =>
    requireFittingAttributes(codec, identity, { ...describe(''), filename: 'dir/' }),
  );
  t.true(isDomainError(error, 'FILENAME_INVALID'));
});

test('the same upload is determined to the same bytes, another one to another fingerprint', (t) => {
  t.deepEqual(encode('a'), encode('a'));
  t.not(encode('a').fingerprint, encode('b').fingerprint);
});

import test from 'ava';
import { uploadFormSchema, uploadQuery } from '#api/files/file-schemas.ts';
import { createUploadFields, uploadFieldNames } from '#api/uploads/upload-fields.ts';
import { isDomainError } from '#domain/errors.ts';
import { parseInstant } from '#domain/instant.ts';

const now = parseInstant('2026-01-01T00:00:00Z')!;

test('the declared fields of forms and queries are those that are understood', (t) => {
  const form = Object.keys(uploadFormSchema.properties);
  const query = Object.keys(uploadQuery.properties);
  t.deepEqual(form.toSorted(), [...uploadFieldNames, 'file', 'attributes'].toSorted());
  t.deepEqual(query.toSorted(), [...uploadFieldNames, 'filename'].toSorted());
});

test('text becomes what the field is', (t) => {
  const fields = createUploadFields();
  fields.addText('tags', '["a","b"]');
  fields.addText('ttl_days', '7');
  fields.addText('metadata', '{"n":12345678901234567890}');
  fields.addText('description', '[not JSON]');
  const { user, retention } = fields.check(now);
  t.deepEqual(user.tags, ['a', 'b']);
  t.deepEqual(retention, { policy: 'temporary', ttlDays: 7 });
  t.is(JSON.stringify(user.metadata), '{"n":12345678901234567890}');
  t.is(user.description, '[not JSON]');
});

test('repeated tags are one array, and a second array is a fault', (t) => {
  const fields = createUploadFields();
  for (const tag of ['a', 'b']) fields.addText('tags', tag);
  t.deepEqual(fields.check(now).user.tags, ['a', 'b']);
  fields.addText('tags', '["c"]');
  const error = t.throws(() => fields.check(now));
  t.true(isDomainError(error, 'REQUEST_INVALID'));
});

test('before all fields are there nothing is said about those that go together', (t) => {
  const fields = createUploadFields();
  fields.addText('retain_until', '2030-01-01T00:00:00Z');
  t.is(fields.sentPolicy, null);
  t.notThrows(() => fields.checkSoFar());
  fields.addText('retention_policy', 'permanent');
  t.is(fields.sentPolicy, 'permanent');
  t.is(fields.check(now).retention.policy, 'permanent');
});

import test from 'ava';
import { createArgon2SecretHasher } from '#infra/argon2/argon2-secret-hasher.ts';

const hasher = createArgon2SecretHasher();

test('a secret verifies against its own hash and no other does', async (t) => {
  const hashed = await hasher.hashSecret('correct horse');
  t.true(await hasher.verifySecret('correct horse', hashed));
  t.false(await hasher.verifySecret('correct horse ', hashed));
  t.false(await hasher.verifySecret('', hashed));
});

test('hashes are Argon2id PHC strings of at least 19 MiB and two passes, salted', async (t) => {
  const [first, second] = await Promise.all([
    hasher.hashSecret('secret'),
    hasher.hashSecret('secret'),
  ]);
  t.regex(first, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  t.not(first, second);
});

for (const hashed of [
  '',
  'plain',
  '$2b$10$abcdefghijklmnopqrstuv',
  '$argon2id$v=19$broken',
  '$argon2i$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA',
]) {
  test(`nothing verifies against a hash of an unknown or broken kind: ${JSON.stringify(hashed)}`, async (t) => {
    t.false(await hasher.verifySecret('secret', hashed));
  });
}

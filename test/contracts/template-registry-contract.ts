import type { ExecutionContext } from 'ava';
import type { AccountId } from '#domain/ids.ts';
import type { JsonObject } from '#domain/json.ts';
import type { NewTemplate, TemplateRegistry } from '#domain/ports/template-registry.ts';
import { parseStrictJson } from '#domain/strict-json.ts';

/** Two views of one registry, as two processes have them; it is empty. */
export interface TemplateRegistryHarness {
  readonly registry: TemplateRegistry;
  readonly other: TemplateRegistry;
}

type Promises = (t: ExecutionContext, harness: TemplateRegistryHarness) => Promise<void>;

const createdBy = '6f1c2a34-5b6d-4e7f-8a90-1b2c3d4e5f60' as AccountId;
const template = (name: string, digit: string, schema: JsonObject = {}): NewTemplate => ({
  name,
  schema,
  digest: digit.repeat(64),
  createdBy,
});

const shouldNumberVersionsOfEachName: Promises = async (t, { registry }) => {
  const numbers: number[] = [];
  for (const [name, digit] of [
    ['a', '1'],
    ['b', '1'],
    ['a', '2'],
    ['a', '1'],
  ] as const) {
    const { template: added, isNew } = await registry.addTemplate(template(name, digit));
    t.true(isNew);
    t.like(added, { name, digest: digit.repeat(64), createdBy });
    t.regex(added.createdAt, /^\d{4}-\d\d-\d\dT.*\+00:00$/);
    numbers.push(added.version);
  }
  t.deepEqual(numbers, [1, 1, 2, 3]);
};

const shouldMakeNothingOfWhatTheNewestSays: Promises = async (t, { registry }) => {
  const first = await registry.addTemplate(template('a', '1'));
  const again = await registry.addTemplate(template('a', '1'));
  t.deepEqual(again, { ...first, isNew: false });
  t.is((await registry.listVersions('a', { limit: 10, before: null })).length, 1);
};

const shouldKeepSchemasToTheDigit: Promises = async (t, { registry, other }) => {
  const text =
    '{"$comment":"нуль \\u0000, половина \\ud800","properties":{"__proto__":{"const":12345678901234567890},"n":{"multipleOf":0.10}}}';
  const schema = parseStrictJson(text) as JsonObject;
  await registry.addTemplate(template('a', '1', schema));
  const found = await other.findTemplate({ name: 'a', version: 1 });
  t.is(JSON.stringify(found?.schema), text);
};

const shouldFindAVersionAndTheNewest: Promises = async (t, { registry, other }) => {
  const versions = [];
  for (const digit of ['1', '2', '3']) {
    versions.push((await registry.addTemplate(template('a', digit, { title: digit }))).template);
  }
  for (const [version, index] of [
    [1, 0],
    [2, 1],
    [null, 2],
  ] as const) {
    t.deepEqual(await other.findVersion({ name: 'a', version }), versions[index] ?? null);
    t.deepEqual(await other.findTemplate({ name: 'a', version }), {
      ...(versions[index] ?? t.fail()),
      schema: { title: String(index + 1) },
    });
  }
  for (const reference of [
    { name: 'a', version: 4 },
    { name: 'A', version: 1 },
    { name: 'b', version: null },
  ]) {
    t.is(await other.findTemplate(reference), null);
    t.is(await other.findVersion(reference), null);
  }
};

const shouldListNamesAndVersionsInPages: Promises = async (t, { registry }) => {
  for (const [name, digit] of [
    ['b', '1'],
    ['b', '2'],
    ['a-1', '1'],
    ['a.1', '1'],
    ['a_1', '1'],
    ['c', '1'],
    ['b', '3'],
  ] as const) {
    await registry.addTemplate(template(name, digit));
  }
  const seen: string[] = [];
  for (let after: string | null = null; ;) {
    const page = await registry.listNewest({ limit: 2, after });
    seen.push(...page.map(({ name, version }) => `${name}@${version}`));
    if (page.length < 2) break;
    after = page.at(-1)?.name ?? null;
  }
  t.deepEqual(seen, ['a-1@1', 'a.1@1', 'a_1@1', 'b@3', 'c@1']);
  const numbers = async (page: { limit: number; before: number | null }) =>
    (await registry.listVersions('b', page)).map(({ version }) => version);
  t.deepEqual(await numbers({ limit: 2, before: null }), [3, 2]);
  t.deepEqual(await numbers({ limit: 2, before: 2 }), [1]);
  t.deepEqual(await registry.listVersions('none', { limit: 2, before: null }), []);
};

const shouldGiveEveryoneAtOnceAVersionWithoutAGap: Promises = async (t, { registry, other }) => {
  const digits = '0123456789abcdef'.split('');
  const added = await Promise.all(
    digits.flatMap((digit) => [
      registry.addTemplate(template('a', digit)),
      other.addTemplate(template('a', digit)),
    ]),
  );
  const news = added.filter(({ isNew }) => isNew).map(({ template }) => template.version);
  const all = await registry.listVersions('a', { limit: 100, before: null });
  t.deepEqual(
    news.toSorted((a, b) => a - b),
    Array.from({ length: all.length }, (_, index) => index + 1),
  );
  t.true(all.length >= digits.length);
  // Whatever was answered stands there, and says what was sent.
  for (const [index, { template: answer }] of added.entries()) {
    t.is(answer.digest, (digits[Math.floor(index / 2)] ?? '').repeat(64));
    t.deepEqual(await other.findVersion({ name: 'a', version: answer.version }), answer);
  }
};

const shouldMakeOneVersionOfTheSameSentAtOnce: Promises = async (t, { registry, other }) => {
  const added = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      (index % 2 === 0 ? registry : other).addTemplate(template('a', '7')),
    ),
  );
  t.is(added.filter(({ isNew }) => isNew).length, 1);
  t.deepEqual([...new Set(added.map(({ template }) => template.version))], [1]);
};

export const templateRegistryContract = {
  shouldNumberVersionsOfEachName,
  shouldMakeNothingOfWhatTheNewestSays,
  shouldKeepSchemasToTheDigit,
  shouldFindAVersionAndTheNewest,
  shouldListNamesAndVersionsInPages,
  shouldGiveEveryoneAtOnceAVersionWithoutAGap,
  shouldMakeOneVersionOfTheSameSentAtOnce,
};

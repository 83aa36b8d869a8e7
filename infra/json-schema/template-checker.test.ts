import test from 'ava';
import { isDomainError } from '#domain/errors.ts';
import type { AccountId } from '#domain/ids.ts';
import { instantFromMillis } from '#domain/instant.ts';
import type { JsonObject } from '#domain/json.ts';
import { limits } from '#domain/limits.ts';
import type { TemplateReference } from '#domain/templates/template-name.ts';
import { templateIdOf, type TemplateId } from '#domain/templates/template-name.ts';
import { createTemplateChecker } from '#infra/json-schema/template-checker.ts';

/** Every name but `none` has every version, and each says which number it takes. */
function createRegistry(
  schemaOf = (version: number): JsonObject => ({ properties: { n: { const: version } } }),
) {
  const asked: TemplateReference[] = [];
  return {
    asked,
    findTemplate: (reference: TemplateReference) => {
      asked.push(reference);
      const { name, version } = reference;
      if (name === 'none' || version === null) return Promise.resolve(null);
      return Promise.resolve({
        name,
        version,
        digest: '',
        createdBy: '' as AccountId,
        createdAt: instantFromMillis(0),
        schema: schemaOf(version),
      });
    },
  };
}
const idOf = (version: number) => templateIdOf({ name: 'a', version });

test('a version is asked for once', async (t) => {
  const registry = createRegistry();
  const checker = createTemplateChecker(registry);
  for (let turn = 0; turn < 3; turn += 1) {
    t.deepEqual(await checker.findFaults(idOf(1), { n: 1 }), []);
    t.is((await checker.findFaults(idOf(2), { n: 1 })).length, 1);
  }
  t.deepEqual(registry.asked, [
    { name: 'a', version: 1 },
    { name: 'a', version: 2 },
  ]);
});

test('what was used longest ago is forgotten first', async (t) => {
  const registry = createRegistry();
  const checker = createTemplateChecker(registry);
  for (let version = 1; version <= limits.templatesCompiled; version += 1) {
    await checker.findFaults(idOf(version), {});
  }
  await checker.findFaults(idOf(1), {});
  await checker.findFaults(idOf(limits.templatesCompiled + 1), {});
  registry.asked.length = 0;
  await checker.findFaults(idOf(1), {});
  t.deepEqual(registry.asked, []);
  await checker.findFaults(idOf(2), {});
  t.deepEqual(registry.asked, [{ name: 'a', version: 2 }]);
});

test('what is not there is not remembered as absent', async (t) => {
  const registry = createRegistry();
  const checker = createTemplateChecker(registry);
  for (const id of ['none@1', 'none@1', 'Ours@1', 'a', ''] as TemplateId[]) {
    const error = await t.throwsAsync(checker.findFaults(id, {}));
    t.true(isDomainError(error, 'TEMPLATE_NOT_FOUND'), id);
  }
  t.is(registry.asked.filter(({ name }) => name === 'none').length, 2);
});

test('many at once get their own verdicts', async (t) => {
  const checker = createTemplateChecker(createRegistry());
  const verdicts = await Promise.all(
    Array.from({ length: 50 }, (_, index) => checker.findFaults(idOf(1 + (index % 2)), { n: 1 })),
  );
  t.deepEqual(
    verdicts.map((faults) => faults.length),
    Array.from({ length: 50 }, (_, index) => index % 2),
  );
});

test('regular expressions go on after they have forgotten', async (t) => {
  const schemaOf = (version: number) => ({
    properties: { s: { pattern: `^(?:a|b){1,99}${version}$` } },
  });
  const checker = createTemplateChecker(createRegistry(schemaOf));
  const chars = 100;
  for (let turn = 0; turn * chars <= 3 * limits.patternMemoryChars; turn += 1) {
    const version = 1 + (turn % 3);
    const text = `${'ab'.repeat(chars / 2 - 1)}${version}`;
    t.deepEqual(await checker.findFaults(idOf(version), { s: text }), []);
  }
  t.is((await checker.findFaults(idOf(1), { s: 'ab2' })).length, 1);
});

test('a schema that cannot be used is refused with its faults', (t) => {
  const checker = createTemplateChecker(createRegistry());
  t.notThrows(() => checker.requireUsable({ type: 'object' }));
  const error = t.throws(() => checker.requireUsable({ type: 'objekt', colour: 1 }));
  t.true(isDomainError(error, 'TEMPLATE_INVALID') && (error.details.faults?.length ?? 0) >= 2);
});

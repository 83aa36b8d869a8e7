import test from 'ava';
import * as fc from 'fast-check';
import type { ElementId } from '#domain/ids.ts';
import {
  chooseElement,
  fillLevel,
  hasRoomFor,
  reservationCeiling,
  roomBytes,
  type PlacementElement,
} from './choose-element.ts';
import { bytesToKeepFree } from './thresholds.ts';

const gb = 1_000_000_000;

function element(change: Partial<PlacementElement> = {}): PlacementElement {
  return {
    elementId: 'rw-01' as ElementId,
    mode: 'rw',
    status: 'online',
    priority: 100,
    capacityBytes: 100 * gb,
    usedBytes: 0,
    reservedBytes: 0,
    freeBytes: null,
    ...change,
  };
}

const keeps = [
  ['rw', 'warning', 100 * gb, 15 * gb],
  ['rw', 'critical', 100 * gb, 8 * gb],
  ['rw', 'full', 100 * gb, 2 * gb],
  ['edit', 'warning', 100 * gb, 10 * gb],
  ['edit', 'critical', 100 * gb, 5 * gb],
  ['edit', 'full', 100 * gb, 1 * gb],
  // The fixed amount is the smaller of both on a large element.
  ['rw', 'warning', 10_000 * gb, 150 * gb],
  ['rw', 'critical', 10_000 * gb, 80 * gb],
  ['rw', 'full', 10_000 * gb, 20 * gb],
  ['edit', 'warning', 10_000 * gb, 100 * gb],
  ['edit', 'critical', 10_000 * gb, 50 * gb],
  ['edit', 'full', 10_000 * gb, 10 * gb],
  ['rw', 'full', 101, 3],
  ['ro', 'full', 100 * gb, 0],
  ['ar', 'warning', 100 * gb, 0],
] as const;

for (const [mode, mark, capacityBytes, expected] of keeps) {
  test(`${mode} of ${capacityBytes} bytes keeps ${expected} free at its ${mark} mark`, (t) => {
    t.is(bytesToKeepFree(mode, mark, capacityBytes), expected);
  });
}

test('room is what capacity and file system both still have', (t) => {
  const filled = element({ usedBytes: 40 * gb, reservedBytes: 10 * gb });
  t.is(roomBytes(filled), 50 * gb);
  t.is(roomBytes({ ...filled, freeBytes: 30 * gb }), 20 * gb);
  t.is(roomBytes({ ...filled, freeBytes: 500 * gb }), 50 * gb);
});

test('the level is the highest mark that is passed', (t) => {
  const levels = [84, 85, 86, 92, 93, 98, 99].map((used) =>
    fillLevel(element({ usedBytes: used * gb })),
  );
  t.deepEqual(levels, ['normal', 'normal', 'warning', 'warning', 'critical', 'critical', 'full']);
});

test('the space of the full mark is never given away', (t) => {
  const almost = element({ usedBytes: 97.95 * gb });
  t.true(hasRoomFor(almost, 0.05 * gb));
  t.false(hasRoomFor(almost, 0.05 * gb + 1));
  t.false(hasRoomFor(element({ usedBytes: 98.5 * gb }), 0));
});

test('at the critical mark a file above 100 MB is refused, also when it grows to that', (t) => {
  const critical = element({ usedBytes: 93 * gb });
  t.true(hasRoomFor(critical, 100_000_000));
  t.false(hasRoomFor(critical, 100_000_001));
  t.false(hasRoomFor(critical, 1, 100_000_001));
  t.true(hasRoomFor(element({ usedBytes: 92 * gb }), 100_000_001));
});

test('elements are filled one after the other, by priority and then by id', (t) => {
  const first = element({ elementId: 'b' as ElementId, priority: 1 });
  const second = element({ elementId: 'a' as ElementId, priority: 2 });
  const third = element({ elementId: 'c' as ElementId, priority: 1 });
  const choose = (elements: PlacementElement[]) =>
    chooseElement(elements, { mode: 'rw', sizeBytes: 10 }).elementId as string;
  t.is(choose([second, third, first]), 'b');
  t.is(choose([second, third, { ...first, usedBytes: 98 * gb }]), 'c');
  t.is(choose([second, { ...third, status: 'offline' }, { ...first, status: 'maintenance' }]), 'a');
});

test('no room and nobody online are told apart', (t) => {
  const request = { mode: 'rw', sizeBytes: 99 * gb } as const;
  const full = t.throws(() => chooseElement([element()], request));
  t.like(full, { code: 'INSUFFICIENT_STORAGE', details: { mode: 'rw', sizeBytes: 99 * gb } });
  for (const elements of [
    [],
    [element({ mode: 'edit' })],
    [element({ status: 'offline' }), element({ status: 'degraded' })],
  ]) {
    t.like(
      t.throws(() => chooseElement(elements, request)),
      { code: 'ELEMENT_UNAVAILABLE' },
    );
  }
});

const bytes = fc.integer({ min: 0, max: 1_000 });
const arbitraryElement = fc
  .record({
    mode: fc.constantFrom('rw' as const, 'edit' as const),
    status: fc.constantFrom('online' as const, 'offline' as const),
    priority: fc.integer({ min: 0, max: 3 }),
    capacityBytes: bytes,
    usedBytes: bytes,
    reservedBytes: bytes,
    freeBytes: fc.option(bytes),
  })
  .map((change) => element(change));

test('whatever is chosen has the mode, is online and keeps its space free', (t) => {
  fc.assert(
    fc.property(
      fc
        .array(arbitraryElement)
        .map((list) =>
          list.map((one, index) => ({ ...one, elementId: `e-${index}` as ElementId })),
        ),
      bytes,
      (elements, sizeBytes) => {
        const fits = elements.filter(
          (one) => one.mode === 'rw' && one.status === 'online' && hasRoomFor(one, sizeBytes),
        );
        if (fits.length === 0) {
          t.throws(() => chooseElement(elements, { mode: 'rw', sizeBytes }));
          return;
        }
        const chosen = chooseElement(elements, { mode: 'rw', sizeBytes });
        t.true(fits.includes(chosen));
        t.true(fits.every((one) => one.priority >= chosen.priority));
        t.true(
          roomBytes(chosen) - sizeBytes >= bytesToKeepFree('rw', 'full', chosen.capacityBytes),
        );
      },
    ),
  );
});

test('the ceiling says the same as the rule', (t) => {
  fc.assert(
    fc.property(arbitraryElement, bytes, (one, sizeBytes) => {
      const ceiling = reservationCeiling(one);
      const isBelow =
        one.usedBytes + one.reservedBytes + sizeBytes <= ceiling.usedAndReservedBytes &&
        one.reservedBytes + sizeBytes <= ceiling.reservedBytes;
      t.is(isBelow, hasRoomFor(one, sizeBytes));
    }),
  );
});

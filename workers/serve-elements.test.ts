import { setTimeout as delay } from 'node:timers/promises';
import test from 'ava';
import { DomainError } from '#domain/errors.ts';
import type { ElementId } from '#domain/ids.ts';
import type { StorageElement } from '#domain/storage-elements.ts';
import { serveElements, type ServedElement, type ServeElementsOptions } from './serve-elements.ts';

function element(elementId: string, change: Partial<StorageElement> = {}): StorageElement {
  return {
    elementId: elementId as ElementId,
    name: elementId,
    type: 'filesystem',
    mode: 'rw',
    priority: 100,
    capacityBytes: 1000,
    usedBytes: 0,
    reservedBytes: 0,
    location: { path: `/srv/${elementId}` },
    status: 'online',
    ...change,
  };
}

const patienceMs = 30_000;

async function until(isTrue: () => boolean): Promise<void> {
  const givenUpAt = Date.now() + patienceMs;
  while (!isTrue()) {
    if (Date.now() > givenUpAt) throw new Error('it did not come to this');
    await delay(1);
  }
}

/** A registry that can be changed, and services that last until they are stopped. */
function createWorld(
  options: Partial<Pick<ServeElementsOptions, 'only' | 'serveElement'>> = {},
  isDown = false,
) {
  const stopping = new AbortController();
  const running = new Map<string, ServedElement>();
  const events: string[] = [];
  const world = {
    elements: [] as readonly StorageElement[],
    isDown,
    looks: 0,
    /** While true, a service that was told to stop has not ended. */
    lingers: false,
    ready: 0,
    failures: 0,
    running,
    events,
    stop: () => stopping.abort(),
    async nextLook() {
      const before = world.looks;
      // The one that is under way may have read what was there before.
      await until(() => world.looks >= before + 2);
    },
    done: Promise.resolve(),
  };
  world.done = serveElements({
    only: null,
    registry: {
      async listElements() {
        world.looks += 1;
        if (world.isDown) throw new DomainError('CATALOGUE_UNAVAILABLE', 'Down.');
        return world.elements;
      },
    },
    async serveElement(served) {
      const { elementId, signal } = served;
      if (running.has(elementId)) throw new Error('it is served already');
      running.set(elementId, served);
      events.push(`begin ${elementId}`);
      await until(() => signal.aborted && !world.lingers);
      running.delete(elementId);
      events.push(`end ${elementId}`);
    },
    onReady: () => void (world.ready += 1),
    onFailure: () => void (world.failures += 1),
    signal: stopping.signal,
    lookEveryMs: 1,
    ...options,
  });
  return world;
}

test('what is registered is served, and what goes out of use no longer', async (t) => {
  const world = createWorld();
  world.elements = [element('a'), element('s3', { type: 's3' })];
  await until(() => world.running.has('a'));
  world.elements = [element('a'), element('b'), element('c', { status: 'offline' })];
  await until(() => world.running.has('b'));
  world.elements = [element('a', { status: 'maintenance' }), element('b')];
  await until(() => !world.running.has('a'));
  t.deepEqual([...world.running.keys()], ['b']);
  world.elements = [element('a'), element('b')];
  await until(() => world.running.has('a'));
  world.stop();
  await world.done;
  t.deepEqual(world.events.slice(0, 4), ['begin a', 'begin b', 'end a', 'begin a']);
  t.is(world.running.size, 0);
});

test('only the elements that are named are served', async (t) => {
  const world = createWorld({ only: ['b', 'later'] as ElementId[] });
  world.elements = [element('a'), element('b')];
  await until(() => world.running.has('b'));
  world.elements = [element('a'), element('b'), element('later')];
  await until(() => world.running.has('later'));
  t.false(world.running.has('a'));
  world.stop();
  await world.done;
});

test('an element that comes back is served again only when its earlier service has ended', async (t) => {
  const world = createWorld();
  world.elements = [element('a')];
  await until(() => world.running.has('a'));
  world.lingers = true;
  world.elements = [];
  await until(() => world.running.get('a')?.signal.aborted === true);
  world.elements = [element('a')];
  await world.nextLook();
  t.deepEqual(world.events, ['begin a']);
  world.lingers = false;
  await until(() => world.events.length === 3);
  t.deepEqual(world.events, ['begin a', 'end a', 'begin a']);
  world.stop();
  await world.done;
});

test('a registry that does not answer changes nothing', async (t) => {
  const world = createWorld();
  world.elements = [element('a')];
  await until(() => world.running.has('a'));
  world.isDown = true;
  world.elements = [];
  await world.nextLook();
  t.true(world.failures > 0);
  t.deepEqual(world.events, ['begin a']);
  world.isDown = false;
  await until(() => world.events.length === 2);
  world.stop();
  await world.done;
});

test('it is ready once, when what was there first is served or gone again', async (t) => {
  const world = createWorld({}, true);
  await world.nextLook();
  t.is(world.ready, 0);
  world.elements = [element('a'), element('b')];
  world.isDown = false;
  await until(() => world.running.size === 2);
  world.running.get('a')?.onServing();
  t.is(world.ready, 0);
  world.elements = [element('a')];
  await until(() => world.ready === 1);
  world.running.get('a')?.onServing();
  world.stop();
  await world.done;
  t.is(world.ready, 1);
});

test('without any element it is ready at once', async (t) => {
  const world = createWorld();
  await until(() => world.ready === 1);
  world.stop();
  await t.notThrowsAsync(world.done);
});

test('a service that fails ends everything', async (t) => {
  const world = createWorld({
    serveElement: () => Promise.reject(new TypeError('a bug')),
  });
  world.elements = [element('a')];
  await t.throwsAsync(world.done, { instanceOf: TypeError });
});

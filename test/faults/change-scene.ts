import { changePoints, type ChangeMethod, type ChangePoint } from './barrier-visit.ts';
import type { Hold } from './barrier-server.ts';
import {
  findStanding,
  sendDelete,
  sendPatch,
  type SentChange,
  type StandingFile,
} from './system-changes.ts';
import type { SupervisedSystem } from './system-stack.ts';
import { makeDocument, sendDocument, type Sent } from './system-uploads.ts';

/** One change at every point, each of a file of its own, all standing there at the same time. */
export interface Scene {
  /** Lets all go on. */
  release(): void;
  /** What their clients are told in the end. */
  readonly changes: Promise<SentChange[]>;
}

interface HeldChange {
  readonly hold: Hold;
  readonly change: Promise<SentChange>;
}

/** A workflow gives a step up after five seconds and tries it again: then nobody stands there. */
const standsForMs = 3_500;
const mostTries = 20;
const sizesBytes = [0, 10, 4096, 70_000];

/** @param keep is given what was stored and changed for it, also by those tries that were too slow. */
export async function setScene(
  system: SupervisedSystem,
  keep: (stored: readonly Sent[], changes: Promise<readonly SentChange[]>) => void,
): Promise<Scene> {
  for (let tries = 1; tries <= mostTries; tries += 1) {
    const places = Object.entries(changePoints).flatMap(([method, points]) =>
      points.map((point) => ({ method: method as ChangeMethod, point })),
    );
    const files = await storeFiles(system, places.length);
    const startedAt = performance.now();
    const held = files.map((file, index) => {
      const place = places[index];
      if (place === undefined) throw new Error('there are more files than places');
      return holdChange(system, { file, ...place });
    });
    const changes = Promise.all(held.map(({ change }) => change));
    keep(
      files.map(({ sent }) => sent),
      changes,
    );
    await Promise.all(held.map(untilReached));
    const release = (): void => held.forEach(({ hold }) => hold.release());
    if (performance.now() - startedAt < standsForMs) return { release, changes };
    release();
    await changes;
  }
  throw new Error('the machine is too busy: not all changes stand at their barriers at once');
}

export async function storeFiles(system: SupervisedSystem, count: number): Promise<StandingFile[]> {
  const documents = Array.from({ length: count }, (_, index) =>
    makeDocument(sizesBytes[index % sizesBytes.length] ?? 0, { hasKey: true }),
  );
  return findStanding(
    system,
    await Promise.all(documents.map((document) => sendDocument(system, document))),
  );
}

function holdChange(
  system: SupervisedSystem,
  place: {
    readonly file: StandingFile;
    readonly method: ChangeMethod;
    readonly point: ChangePoint;
  },
): HeldChange {
  const { file, method, point } = place;
  const hold = system.barrier.hold(
    (visit) => visit.point === point && 'fileId' in visit && visit.fileId === file.fileId,
  );
  const name = `the ${method} that stood ${point}`;
  const send = method === 'PATCH' ? sendPatch : sendDelete;
  return { hold, change: send(system, file, name) };
}

/** A deletion may be answered on its way; any other answer means that it will never come there. */
async function untilReached({ hold, change }: HeldChange): Promise<void> {
  const unexpected = change.then(({ name, answer }) => {
    if (answer.kind === 'accepted') return hold.reached;
    throw new Error(`${name} was answered before it came there: ${JSON.stringify(answer)}`);
  });
  await Promise.race([hold.reached, unexpected]);
}

import { ApplicationFailure, CancelledFailure, ContinueAsNew } from '@temporalio/workflow';
import test from 'ava';
import { compensationFailed, runSaga, type Saga, type SagaOptions } from './saga.ts';

const failure = (message: string): ApplicationFailure => ApplicationFailure.create({ message });
const steps = ['first', 'second', 'third'] as const;

interface Script {
  /** Index of the step that throws, and what. */
  readonly failAt?: number;
  readonly error?: Error;
  readonly pivotAfter?: number;
  /** Names of compensations that throw. */
  readonly resisting?: readonly string[];
}

interface Run {
  readonly events: string[];
  readonly shielded: number;
  readonly error: unknown;
  readonly result: unknown;
}

/** Runs three steps, each with a compensation, and notes what happens in which order. */
async function runScript(script: Script): Promise<Run> {
  const events: string[] = [];
  let shielded = 0;
  const options: SagaOptions = {
    onUndo: () => events.push('undoing'),
    shield: async (undo) => {
      shielded += 1;
      await undo();
    },
    warn: (message) => events.push(message),
  };
  const play = async (saga: Saga): Promise<string> => {
    for (const [index, name] of steps.entries()) {
      saga.compensateWith(name, async (cause) => {
        events.push(`undo ${name}: ${cause.message}`);
        if (script.resisting?.includes(name) === true) throw failure(`${name} resists`);
      });
      events.push(name);
      if (script.failAt === index) throw script.error ?? failure('it broke');
      if (script.pivotAfter === index) saga.passPivot();
    }
    return 'done';
  };
  try {
    return { events, result: await runSaga(play, options), error: null, shielded };
  } catch (error) {
    return { events, result: null, error, shielded };
  }
}

test('nothing is undone when all steps succeed', async (t) => {
  const { events, result, shielded } = await runScript({});
  t.is(result, 'done');
  t.deepEqual(events, ['first', 'second', 'third']);
  t.is(shielded, 0);
});

for (const failAt of steps.keys()) {
  const expected = [
    ...steps.slice(0, failAt + 1),
    'undoing',
    ...steps
      .slice(0, failAt + 1)
      .toReversed()
      .map((name) => `undo ${name}: it broke`),
  ];

  test(`a failure in step ${failAt} undoes it and those before, last in first out`, async (t) => {
    const error = failure('it broke');
    const run = await runScript({ failAt, error });
    t.deepEqual(run.events, expected);
    t.is(run.error, error, 'the first failure is the one that is reported');
    t.is(run.shielded, 1, 'compensations run where no cancel reaches them');
  });

  test(`a cancel in step ${failAt} undoes the same`, async (t) => {
    const error = new CancelledFailure('it broke');
    const run = await runScript({ failAt, error });
    t.deepEqual(run.events, expected);
    t.is(run.error, error);
  });
}

test('a compensation that fails does not stop the others and is named', async (t) => {
  const cause = failure('it broke');
  const { events, error } = await runScript({
    failAt: 2,
    error: cause,
    resisting: ['third', 'first'],
  });
  t.deepEqual(
    events.filter((event) => event.startsWith('undo ')),
    ['undo third: it broke', 'undo second: it broke', 'undo first: it broke'],
  );
  if (!(error instanceof ApplicationFailure)) return t.fail('no failure of a workflow');
  t.is(error.type, compensationFailed);
  t.true(error.nonRetryable);
  t.deepEqual(error.details, [{ leftovers: ['third', 'first'] }]);
  t.regex(error.message, /third, first/);
  t.is(error.cause, cause);
});

test('after the pivot nothing is undone but what was registered later', async (t) => {
  const { events, error } = await runScript({ failAt: 2, pivotAfter: 1 });
  t.deepEqual(events, ['first', 'second', 'third', 'undoing', 'undo third: it broke']);
  t.true(error instanceof ApplicationFailure);
});

test('going on as a new run is not a failure', async (t) => {
  const error = new ContinueAsNew({ workflowType: 'next' });
  const run = await runScript({ failAt: 2, error });
  t.is(run.error, error);
  t.deepEqual(run.events, ['first', 'second', 'third']);
});

test('a mistake in workflow code undoes nothing', async (t) => {
  const error = new TypeError('undefined is not a function');
  const run = await runScript({ failAt: 1, error });
  t.is(run.error, error);
  t.deepEqual(run.events, ['first', 'second']);
});

test('a mistake in the code of a compensation is not taken for a leftover', async (t) => {
  const error = new TypeError('undefined is not a function');
  const thrown = await t.throwsAsync(
    runSaga(
      (saga) => {
        saga.compensateWith('first', () => Promise.reject(error));
        throw failure('it broke');
      },
      { shield: (undo) => undo(), warn: () => undefined },
    ),
  );
  t.is(thrown, error);
});

import {
  ActivityFailure,
  ApplicationFailure,
  DefaultFailureConverter,
  RetryState,
  TimeoutFailure,
  defaultPayloadConverter,
} from '@temporalio/common';
import type { ActivityExecuteInput } from '@temporalio/worker';
import test from 'ava';
import { DomainError, errorCatalogue, type ErrorCode } from '#domain/errors.ts';
import { reviveDomainError } from '#workflows/revive-domain-error.ts';
import {
  createDomainFailureInterceptor,
  toApplicationFailure,
} from './domain-failure-interceptor.ts';

const converter = new DefaultFailureConverter();

/** As it arrives in a workflow: over the wire, and with the activity's failure around it. */
function travel(failure: Error): Error {
  const wire = converter.errorToFailure(failure, defaultPayloadConverter);
  const cause = converter.failureToError(wire, defaultPayloadConverter);
  return new ActivityFailure(
    'Activity task failed',
    'writeSidecars',
    '1',
    RetryState.IN_PROGRESS,
    undefined,
    cause,
  );
}

const alerts: string[] = [];

async function runThroughInterceptor(error: unknown, attempt = 1): Promise<unknown> {
  const log = { error: (message: string) => alerts.push(`${message}: ${attempt}`) };
  const { inbound } = createDomainFailureInterceptor()({ info: { attempt }, log } as never);
  try {
    return await inbound?.execute?.({} as ActivityExecuteInput, () => Promise.reject(error));
  } catch (thrown) {
    return thrown;
  }
}

for (const code of Object.keys(errorCatalogue) as ErrorCode[]) {
  test(`${code} survives the way through Temporal`, async (t) => {
    const details = { limitBytes: 7, faults: [{ pointer: '/a', message: 'is wrong' }] };
    const cause = new RangeError('of the driver');
    const failure = await runThroughInterceptor(
      new DomainError(code, 'Что-то.', { details, cause }),
    );
    if (!(failure instanceof ApplicationFailure)) return t.fail('not a failure of Temporal');
    t.is(failure.type, code);
    const revived = reviveDomainError(travel(failure));
    t.is(revived?.code, code);
    t.is(revived?.message, 'Что-то.');
    t.is(revived?.kind, errorCatalogue[code].kind);
    t.deepEqual(revived?.details, details);
  });
}

test('waiting for the outside is a retry, a wrong digest is a failure', (t) => {
  const isFinal = (code: ErrorCode): boolean | null | undefined =>
    toApplicationFailure(new DomainError(code, 'x')).nonRetryable;
  t.false(isFinal('ELEMENT_UNAVAILABLE'));
  t.false(isFinal('CATALOGUE_UNAVAILABLE'));
  t.false(isFinal('INSUFFICIENT_STORAGE'));
  t.false(isFinal('INTERNAL'));
  t.true(isFinal('CONTENT_CORRUPT'));
  t.true(isFinal('SIDECAR_CORRUPT'));
  t.true(isFinal('CONTENT_MISSING'));
  t.true(isFinal('UPLOAD_NOT_CURRENT'));
});

test('errors that are not of the domain pass as they are', async (t) => {
  const error = new TypeError('a bug');
  t.is(await runThroughInterceptor(error), error);
});

test('a step that keeps failing is reported, one that fails now and then is not', async (t) => {
  const error = new DomainError('ELEMENT_UNAVAILABLE', 'Offline.');
  await runThroughInterceptor(error, 9);
  await runThroughInterceptor(error, 10);
  t.deepEqual(alerts, ['a step keeps failing: 10']);
});

test('a failure without a code of the catalogue revives as nothing', (t) => {
  t.is(reviveDomainError(travel(new TypeError('a bug'))), null);
  t.is(reviveDomainError(travel(new TimeoutFailure('late', undefined, 'START_TO_CLOSE'))), null);
  t.is(reviveDomainError('text'), null);
});

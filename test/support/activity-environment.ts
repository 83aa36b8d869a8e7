import { Context, asyncLocalStorage, type Info } from '@temporalio/activity';

/** Runs activities outside a worker, in the context that a worker would give them. */
export interface ActivityEnvironment {
  run<Result>(activity: () => Promise<Result>): Promise<Result>;
  cancel(): void;
  readonly heartbeats: number;
}

export function createActivityEnvironment(): ActivityEnvironment {
  const cancelling = new AbortController();
  let heartbeats = 0;
  const never = new Promise<never>(() => {});
  const beat = (): void => {
    heartbeats += 1;
  };
  const silent = {} as never;
  const info = { activityId: '1', activityType: 'test', attempt: 1, isLocal: true } as Info;
  const context: Context = Reflect.construct(Context, [
    info,
    never,
    cancelling.signal,
    beat,
    undefined,
    silent,
    silent,
    {},
  ]);
  return {
    run: (activity) => asyncLocalStorage.run(context, activity),
    cancel: () => cancelling.abort(new Error('cancelled')),
    get heartbeats() {
      return heartbeats;
    },
  };
}

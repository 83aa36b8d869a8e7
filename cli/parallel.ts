/**
 * Works on `parallel` items at a time; the source is asked for the next one only when there is room.
 * Once `mustStop` says so nothing new is begun; what was begun is brought to its end.
 * `work` reports its own failures: what it throws ends everything.
 */
export async function forEachParallel<Item>(
  source: AsyncIterable<Item> | Iterable<Item>,
  options: { readonly parallel: number; readonly mustStop: () => boolean },
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const running = new Set<Promise<void>>();
  let failure: { readonly error: unknown } | null = null;
  for await (const item of source) {
    if (failure !== null || options.mustStop()) break;
    const task = work(item)
      .catch((error: unknown) => {
        failure ??= { error };
      })
      .finally(() => running.delete(task));
    running.add(task);
    if (running.size >= options.parallel) await Promise.race(running);
  }
  await Promise.all(running);
  // Assigned in a callback, which the compiler does not follow.
  const ended = failure as { readonly error: unknown } | null;
  if (ended !== null) throw ended.error;
}

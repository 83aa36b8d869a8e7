import type { GroupTurns } from './group-turns.ts';

/**
 * Alone with all of these at once. Who takes several takes them in one order, and who has one
 * waits for no other: so nobody waits for ever.
 */
export function takeTurns<Key extends string, Result>(
  turns: GroupTurns<Key>,
  { keys, signal }: { readonly keys: readonly Key[]; readonly signal: AbortSignal },
  step: () => Promise<Result>,
): Promise<Result> {
  const ordered = [...keys].sort((one, other) => (one < other ? -1 : 1));
  return ordered.reduceRight<() => Promise<Result>>(
    (inner, key) => () => turns.take(key, signal, inner),
    step,
  )();
}

import type { Fault } from '#domain/errors.ts';
import type { JsonObject, JsonValue } from '#domain/json.ts';
import { pointerTo } from '#domain/json-pointer.ts';

/** Values at all depths, the value itself included. Of plain JSON. */
export function countNodes(value: JsonValue): number {
  if (typeof value !== 'object' || value === null) return 1;
  let nodes = 1;
  for (const member of Object.values(value as JsonObject)) nodes += countNodes(member ?? null);
  return nodes;
}

/** What would mean one thing here and another to the compiler, wherever it stands in a schema. */
export function findUnusableText(value: JsonValue, pointer: string): readonly Fault[] {
  const faults: Fault[] = [];
  if (typeof value === 'string' && !value.isWellFormed()) {
    faults.push({ pointer, message: 'must not contain half of a surrogate pair' });
  } else if (typeof value === 'number' && !Number.isFinite(value)) {
    faults.push({ pointer, message: 'is too large a number' });
  } else if (typeof value === 'object' && value !== null) {
    for (const [name, member = null] of Object.entries(value as JsonObject)) {
      const memberPointer = pointerTo(pointer, name);
      if (name === '__proto__' || !name.isWellFormed()) {
        faults.push({ pointer: memberPointer, message: 'cannot be used as a name' });
      }
      faults.push(...findUnusableText(member, memberPointer));
    }
  }
  return faults;
}

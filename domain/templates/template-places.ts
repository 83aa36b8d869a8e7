import type { Fault } from '#domain/errors.ts';

/** Pointer of each subschema → pointers of those that it applies to the same value. */
export type SchemaPlaces = Map<string, string[]>;

/** Reads `#/$defs/a%20b` as the pointer `/$defs/a b`; null for what leads elsewhere. */
export function parsePlace(reference: string): string | null {
  if (!reference.startsWith('#')) return null;
  try {
    const pointer = decodeURIComponent(reference.slice(1));
    return pointer === '' || pointer.startsWith('/') ? pointer : null;
  } catch {
    return null;
  }
}

/** One place has one form: a compiler that goes by the text would compile each form anew. */
export function writePlace(pointer: string): string {
  const steps = pointer.split('/').map((step) => encodeURIComponent(step.toWellFormed()));
  return `#${steps.join('/')}`;
}

/**
 * References to nothing, and circles that never go deeper into the value: whoever follows one
 * never ends, on any value.
 */
export function findEndlessPlaces(places: SchemaPlaces): readonly Fault[] {
  const faults: Fault[] = [];
  const done = new Set<string>();
  const under = new Set<string>();

  function visit(pointer: string): void {
    under.add(pointer);
    for (const next of places.get(pointer) ?? []) {
      if (under.has(next)) {
        const message = 'leads back to itself without going deeper into the value';
        faults.push({ pointer: `/schema${pointer}`, message });
      } else if (!places.has(next)) {
        faults.push({ pointer: `/schema${pointer}/$ref`, message: 'leads to no schema' });
      } else if (!done.has(next)) visit(next);
    }
    under.delete(pointer);
    done.add(pointer);
  }

  for (const pointer of places.keys()) {
    if (!done.has(pointer)) visit(pointer);
  }
  return faults;
}

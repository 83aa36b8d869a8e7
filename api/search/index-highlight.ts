import type { Attributes } from '#domain/attributes/attributes-types.ts';
import { extensionsOf } from '#domain/attributes/extensions.ts';
import { highlightMarks, markText } from '#domain/search/highlight.ts';

/**
 * Marks of the index on the text of the catalogue. Where the two texts differ, the index is behind
 * and what it says about this field is left out.
 */
export function presentIndexHighlight(
  marked: Readonly<Record<string, string>> | null,
  attributes: Attributes,
): Readonly<Record<string, string>> | null {
  if (marked === null) return null;
  const texts: Readonly<Record<string, string | null>> = {
    original_filename: attributes.original_filename,
    description: attributes.description,
    tags: extensionsOf(attributes).tags.join(', '),
  };
  const found: Record<string, string> = {};
  for (const [name, text] of Object.entries(marked)) {
    const current = texts[name] ?? null;
    if (current === null || withoutMarks(text) !== current) continue;
    const html = markText(current, text);
    if (html !== null) found[name] = html;
  }
  return found;
}

function withoutMarks(text: string): string {
  return text.replaceAll(highlightMarks.start, '').replaceAll(highlightMarks.stop, '');
}

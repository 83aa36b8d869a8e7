/** Private to us: a search engine puts them around what it found. */
export const highlightMarks = { start: '\uE000', stop: '\uE001' } as const;

const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text as it can stand in HTML. */
export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? character);
}

/**
 * @param marked the text, character for character or with some replaced, with marks in between.
 * @returns the text as HTML with `<em>` at the marks; null when there is none.
 */
export function markText(text: string, marked: string): string | null {
  if (!marked.includes(highlightMarks.start)) return null;
  const source = text[Symbol.iterator]();
  let html = '';
  for (const character of marked) {
    if (character === highlightMarks.start) html += '<em>';
    else if (character === highlightMarks.stop) html += '</em>';
    else html += escapeHtml(source.next().value ?? '');
  }
  for (const rest of source) html += escapeHtml(rest);
  return html;
}

/** Marks every occurrence of `part`, in either case. */
export function markParts(text: string, part: string): string | null {
  const [lowerText, lowerPart] = [text.toLowerCase(), part.toLowerCase()];
  // Where lower case is longer or shorter, places in the two differ.
  if (lowerPart === '' || lowerText.length !== text.length) return null;
  let html = '';
  let end = 0;
  for (let at = lowerText.indexOf(lowerPart); at >= 0; at = lowerText.indexOf(lowerPart, end)) {
    html += escapeHtml(text.slice(end, at));
    end = at + lowerPart.length;
    html += `<em>${escapeHtml(text.slice(at, end))}</em>`;
  }
  return end === 0 ? null : html + escapeHtml(text.slice(end));
}

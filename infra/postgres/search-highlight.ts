import type { CatalogueFile } from '#domain/ports/file-catalogue.ts';
import type { SearchQuery } from '#domain/ports/file-search.ts';
import { highlightMarks, markText, markParts } from '#domain/search/highlight.ts';
import type { Database } from './open-pool.ts';

type Highlight = Readonly<Record<string, string>>;

/**
 * Marks by PostgreSQL's own rules for words. It gets the text with every mark replaced by a space,
 * one for one, so that its words are those of the index and each place has its place in the text.
 */
const markWords = {
  text: `select ts_headline('russian',
      translate(regexp_replace(source collate "pg_c_utf8", '[^[:alnum:]]', ' ', 'g'), 'ёЁ', 'еЕ'),
      search_query($2),
      'HighlightAll=true, StartSel=${highlightMarks.start}, StopSel=${highlightMarks.stop}') as marked
    from unnest($1::text[]) with ordinality t (source, place) order by place`,
};

/** For each file the fields in which the text of the query was found. */
export async function highlightFiles(
  database: Database,
  query: SearchQuery,
  files: readonly CatalogueFile[],
): Promise<readonly (Highlight | null)[]> {
  const { text, mode } = query;
  if (!query.withHighlight || files.length === 0) return files.map(() => null);
  if (text === null) return files.map(() => ({}));
  const fields = files.map((file) => fieldsOf(file, mode === 'fulltext'));
  const sources = fields.flatMap((ofFile) => ofFile.map(({ source }) => source));
  const marked =
    mode === 'fulltext'
      ? (await database.query<{ marked: string }>(markWords, [sources, text])).map((row, index) =>
          markText(sources[index] ?? '', row.marked),
        )
      : sources.map((source) => markParts(source, text));
  let next = 0;
  return fields.map((ofFile) => {
    const found: Record<string, string> = {};
    for (const { name } of ofFile) {
      const html = marked[next] ?? null;
      if (html !== null) found[name] = html;
      next += 1;
    }
    return found;
  });
}

function fieldsOf(file: CatalogueFile, withText: boolean): { name: string; source: string }[] {
  const attributes = JSON.parse(file.attributes) as Record<string, unknown>;
  const { original_filename: name, description, tags } = attributes;
  const fields = [{ name: 'original_filename', source: textOf(name) }];
  if (!withText) return fields;
  if (typeof description === 'string') {
    fields.push({ name: 'description', source: textOf(description) });
  }
  if (Array.isArray(tags)) fields.push({ name: 'tags', source: textOf(tags.join(', ')) });
  return fields;
}

/** PostgreSQL has no U+0000 in a text. */
function textOf(value: unknown): string {
  return typeof value === 'string' ? value.toWellFormed().replaceAll('\u0000', ' ') : '';
}

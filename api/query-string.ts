import { DomainError } from '#domain/errors.ts';

/**
 * `name=value` pairs, strictly decoded: an encoding that is broken or not UTF-8 would silently
 * change a name. A name that comes several times has an array of values.
 * @throws REQUEST_MALFORMED
 */
export function parseQueryString(text: string): Record<string, string | string[]> {
  const values: Record<string, string | string[]> = Object.create(null);
  if (text === '') return values;
  for (const pair of text.split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const name = decode(equals < 0 ? pair : pair.slice(0, equals));
    const value = equals < 0 ? '' : decode(pair.slice(equals + 1));
    const before = values[name];
    if (before === undefined) values[name] = value;
    else if (typeof before === 'string') values[name] = [before, value];
    else before.push(value);
  }
  return values;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch (cause) {
    throw new DomainError('REQUEST_MALFORMED', 'The query is not percent-encoded UTF-8.', {
      cause,
    });
  }
}

import { DomainError } from '#domain/errors.ts';

/**
 * The sha-256 members of `Repr-Digest` and `Content-Digest` (RFC 9530) as lower-case hex. Other
 * algorithms are passed over, as the standard has it.
 * @throws REQUEST_MALFORMED when a header is not a dictionary of byte sequences.
 */
export function parseDeclaredDigests(
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
): readonly string[] {
  return ['repr-digest', 'content-digest'].flatMap((name) => {
    const value = headers[name];
    if (value === undefined) return [];
    return parseDigests(typeof value === 'string' ? value : value.join(','), name);
  });
}

function parseDigests(header: string, name: string): string[] {
  const digests: string[] = [];
  for (const member of header.split(',')) {
    const match = /^\s*([a-z*][a-z0-9_.*-]*)=:([A-Za-z0-9+/]*={0,2}):\s*(?:;.*)?$/.exec(member);
    if (match === null) throw malformed(name);
    const [, algorithm, base64 = ''] = match;
    if (algorithm !== 'sha-256') continue;
    const bytes = Buffer.from(base64, 'base64');
    if (bytes.length !== 32) throw malformed(name);
    digests.push(bytes.toString('hex'));
  }
  return digests;
}

function malformed(name: string): DomainError {
  const message = 'must look like sha-256=:<base64 of 32 bytes>:';
  return new DomainError('REQUEST_MALFORMED', `The header ${name} ${message}.`, {
    details: { faults: [{ pointer: `header/${name}`, message }] },
  });
}

/** In the form of RFC 9530. @param hex SHA-256, lower-case hex. */
export function presentDigest(hex: string): string {
  return `sha-256=:${Buffer.from(hex, 'hex').toString('base64')}:`;
}

/** Each returns what the text must be and is not, or null. */

export function checkPath(text: string): string | null {
  return text.includes('\0') ? 'must be a path' : null;
}

export function checkHost(text: string): string | null {
  return /^[A-Za-z0-9.:_-]{1,253}$/.test(text) ? null : 'must be a host name or an IP address';
}

export function checkAddress(text: string): string | null {
  const port = /^[^\s/@]{1,253}:(?<port>\d{1,5})$/.exec(text)?.groups?.['port'];
  return port !== undefined && Number(port) >= 1 && Number(port) <= 65_535
    ? null
    : 'must be host:port';
}

export function checkName(text: string): string | null {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$/.test(text)
    ? null
    : 'must be 2 to 255 letters, digits, dots, dashes or underscores';
}

export function checkClientId(text: string): string | null {
  return /^[A-Za-z0-9._~-]{3,128}$/.test(text)
    ? null
    : 'must be 3 to 128 letters, digits, dots, dashes, underscores or tildes';
}

export function checkSecret(text: string): string | null {
  return /^[\u0021-\u007e]{16,256}$/.test(text)
    ? null
    : 'must be 16 to 256 printable ASCII characters without spaces';
}

export function checkHttpUrl(text: string): string | null {
  const url = URL.parse(text);
  return url !== null && ['http:', 'https:'].includes(url.protocol)
    ? null
    : 'must be an http or https URL';
}

export function checkOrigin(text: string): string | null {
  return checkHttpUrl(text) === null && URL.parse(text)?.origin === text
    ? null
    : 'must be an http or https origin: no path, no slash at the end';
}

export function checkScheme(...schemes: readonly string[]): (text: string) => string | null {
  const problem = `must be a URL that begins with ${schemes.map((it) => `${it}//`).join(' or ')}`;
  return (text) => {
    const url = URL.parse(text);
    return url !== null && schemes.includes(url.protocol) && url.hostname !== '' ? null : problem;
  };
}

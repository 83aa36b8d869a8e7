/**
 * What a child process inherits: the machine's environment without our own settings, which it is
 * given one by one, so that a child sees only the secrets it needs.
 */
export function childEnvironment(
  settings: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const inherited = Object.entries(process.env).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined && !entry[0].startsWith('ARTSTORE_'),
  );
  return { ...Object.fromEntries(inherited), ...settings };
}

/** Where built tools are kept, outside the work tree: `$XDG_CACHE_HOME`, else `~/.cache`. */
export function cacheHome(homeDirectory: string): string {
  const configured = process.env['XDG_CACHE_HOME'] ?? '';
  // The XDG specification: a relative path is to be ignored.
  return configured.startsWith('/') ? configured : `${homeDirectory}/.cache`;
}

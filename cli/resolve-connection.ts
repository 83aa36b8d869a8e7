import { CliError, usageError } from './cli-error.ts';
import { parseServerUrl, variable, type Connection, type Environment } from './connection.ts';
import { exitCodes } from './exit-codes.ts';
import { unknownProfile, type ProfileStore } from './profile-store.ts';

export interface Choice {
  readonly profile: string | undefined;
  readonly url: string | undefined;
}

/**
 * A profile that is named, else the account of the environment, else the current profile.
 * @throws CliError when there is none, or when the secret would go to another server than its own
 */
export async function resolveConnection(
  choice: Choice,
  { env, profiles }: { readonly env: Environment; readonly profiles: ProfileStore },
): Promise<Connection> {
  const named = choice.url ?? variable(env, 'ARTSTORE_URL');
  const url = named === null ? null : parseServerUrl(named);
  const profile = choice.profile ?? variable(env, 'ARTSTORE_PROFILE');
  const clientId = variable(env, 'ARTSTORE_CLIENT_ID');
  const clientSecret = variable(env, 'ARTSTORE_CLIENT_SECRET');
  if (profile === null && clientId !== null && clientSecret !== null) {
    if (url === null) throw usageError('Name the server: --url, or ARTSTORE_URL.');
    return { url, clientId, clientSecret };
  }
  const { current, byName } = await profiles.read();
  const name = profile ?? current;
  if (name === null) {
    throw new CliError(exitCodes.denied, 'Not logged in: artstore login does it.');
  }
  const connection = byName.get(name);
  if (connection === undefined) throw unknownProfile(name);
  if (url !== null && url !== connection.url) {
    const remedy = `its secret goes nowhere else: log in at ${url} with a profile of its own.`;
    throw usageError(`The profile "${name}" belongs to ${connection.url}; ${remedy}`);
  }
  return connection;
}

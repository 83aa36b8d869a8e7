import { createApiClient, type ApiClient } from './api-client.ts';
import { tokenDirectory, configDirectory, type Environment } from './connection.ts';
import { createHttpClient, type HttpClient } from './http-client.ts';
import { createProfileStore, type ProfileStore } from './profile-store.ts';
import { resolveConnection } from './resolve-connection.ts';
import { createTerminal, type Terminal } from './terminal.ts';
import { createTokenCache, type TokenCache } from './token-cache.ts';
import { createTokenSource } from './token-source.ts';

/** What the process gives to the command. */
export interface World {
  readonly env: Environment;
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  /** Aborted with the name of the signal that the process got. */
  readonly signal: AbortSignal;
}

/** Options that every command takes. */
export interface GlobalOptions {
  readonly profile?: string;
  readonly url?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly progress: boolean;
  readonly retries: number;
}

/** One run of one command. */
export interface Session extends Disposable {
  readonly world: World;
  readonly options: GlobalOptions;
  readonly terminal: Terminal;
  readonly profiles: ProfileStore;
  readonly tokens: TokenCache;
  readonly http: HttpClient;
  readonly signal: AbortSignal;
  /** The API, as the account that the options, the environment or the profile name. */
  connect(): Promise<ApiClient>;
}

export function createSession(world: World, options: GlobalOptions): Session {
  const { env, signal } = world;
  const terminal = createTerminal(world, {
    isJson: options.json === true,
    isQuiet: options.quiet === true,
    hasProgress: options.progress,
    hasColours: (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb',
  });
  const note = (message: string): void => terminal.note(message);
  const profiles = createProfileStore(configDirectory(env));
  const tokens = createTokenCache(tokenDirectory(env), note);
  const http = createHttpClient();
  return {
    world,
    options,
    terminal,
    profiles,
    tokens,
    http,
    signal,
    async connect() {
      const connection = await resolveConnection(
        { profile: options.profile, url: options.url },
        { env, profiles },
      );
      return createApiClient({
        http,
        baseUrl: connection.url,
        tokens: createTokenSource({ http, connection, cache: tokens, signal }),
        retries: options.retries,
        signal,
        onRetry: note,
      });
    },
    [Symbol.dispose]() {
      http[Symbol.dispose]();
    },
  };
}

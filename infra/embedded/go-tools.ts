import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { holdKernelLock } from './kernel-lock.ts';
import type { Progress } from './progress.ts';
import { CommandError, runCommand } from './run-command.ts';
import { StartupError } from './startup-error.ts';

/** Paths of the built binaries. */
export interface GoTools {
  readonly temporalServer: string;
  readonly temporalSqlTool: string;
  readonly temporalUi: string;
}

interface GoModule {
  /** Its folder under infra/go-tools/, whose go.mod and go.sum pin everything. */
  readonly folder: string;
  readonly packages: Readonly<Record<string, string>>;
}

const serverModule: GoModule = {
  folder: 'temporal-server',
  packages: {
    'temporal-server': 'go.temporal.io/server/cmd/server',
    'temporal-sql-tool': 'go.temporal.io/server/cmd/tools/sql',
  },
};

const uiModule: GoModule = {
  folder: 'temporal-ui',
  packages: { 'temporal-ui': 'github.com/temporalio/ui-server/v2/cmd/server' },
};

const buildingSuffix = '.building-';
const abandonedAfterMs = 86_400_000;

export interface BuildOptions {
  /** `$XDG_CACHE_HOME` or `~/.cache`. */
  readonly cacheHome: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/**
 * Builds what is not in the cache yet, once per version and machine kind.
 * @throws StartupError without Go, or when the build fails.
 */
export async function ensureGoTools(options: BuildOptions): Promise<GoTools> {
  const server = await ensureModule(serverModule, options);
  const ui = await ensureModule(uiModule, options);
  return {
    temporalServer: join(server, 'temporal-server'),
    temporalSqlTool: join(server, 'temporal-sql-tool'),
    temporalUi: join(ui, 'temporal-ui'),
  };
}

/** @returns the directory of its binaries: complete or not there, since a rename makes it. */
async function ensureModule(module: GoModule, options: BuildOptions): Promise<string> {
  const target = join(options.cacheHome, 'artstore', 'go-tools', cacheKey(module));
  if (existsSync(target)) return target;
  const { progress } = options;
  await mkdir(dirname(target), { recursive: true });
  await using _lock = await holdKernelLock(`build:${target}`, () => {
    progress.say(`Another start is building ${module.folder}: waiting for it.`);
  });
  if (existsSync(target)) return target;
  await removeAbandonedBuilds(dirname(target));
  const temporary = await mkdtemp(`${target}${buildingSuffix}`);
  try {
    await buildPackages(module, temporary, options);
    await rename(temporary, target);
  } catch (error) {
    throw explainFailure(module, error);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
  return target;
}

/** What killed builds left; only old ones, since the cache may be shared with another host. */
async function removeAbandonedBuilds(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    const path = join(directory, name);
    const isAbandoned =
      name.includes(buildingSuffix) && (await stat(path)).mtimeMs < Date.now() - abandonedAfterMs;
    if (isAbandoned) await rm(path, { recursive: true, force: true });
  }
}

async function buildPackages(
  module: GoModule,
  directory: string,
  options: BuildOptions,
): Promise<void> {
  const startedMs = performance.now();
  const go = {
    command: 'go',
    environment: { ...options.environment, GOWORK: 'off' },
    workingDirectory: moduleDirectory(module),
    signal: options.signal,
  };
  options.progress.say(
    `Building ${module.folder} from its pinned Go module (once; minutes the first time).`,
  );
  let downloads = 0;
  const listed = await runCommand({
    ...go,
    args: ['list', '-deps', ...Object.values(module.packages)],
    onErrorLine() {
      downloads += 1;
      options.progress.show(`  ${module.folder}: ${downloads} modules downloaded`);
    },
  });
  const total = new Set(listed.trim().split('\n')).size;
  let compiled = 0;
  for (const [name, path] of Object.entries(module.packages)) {
    await runCommand({
      ...go,
      args: ['build', '-v', '-buildvcs=false', '-o', join(directory, name), path],
      onErrorLine(line) {
        if (!line.startsWith('go: ')) compiled += 1;
        options.progress.show(`  ${name}: ${compiled} of ${total} packages compiled`);
      },
    });
  }
  const seconds = Math.round((performance.now() - startedMs) / 1000);
  options.progress.say(`Built ${module.folder} in ${seconds} s.`);
}

/** Everything that decides what comes out of the build: versions, hashes, machine. */
function cacheKey(module: GoModule): string {
  const hash = createHash('sha256');
  for (const file of ['go.mod', 'go.sum']) {
    hash.update(readFileSync(join(moduleDirectory(module), file)));
  }
  const digest = hash.digest('hex').slice(0, 12);
  return `${module.folder}-${digest}-${process.platform}-${process.arch}`;
}

function moduleDirectory(module: GoModule): string {
  return fileURLToPath(import.meta.resolve(`#infra/go-tools/${module.folder}`));
}

const twoWays =
  'Either install Go (https://go.dev/dl/) so that the pinned server can be built once, ' +
  'or set ARTSTORE_TEMPORAL_ADDRESS to host:port of a Temporal server that runs already.';

function explainFailure(module: GoModule, cause: unknown): unknown {
  if (!(cause instanceof CommandError)) return cause;
  const reason = cause.isCommandMissing
    ? `${module.folder} is not built yet, and Go, which builds it, is not on PATH.`
    : `${module.folder} cannot be built with the Go that is on PATH:\n${cause.output}`;
  return new StartupError(`${reason}\n${twoWays}`);
}

import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';

import { benchmarks, type Settings } from './benchmarks.ts';

export interface Options extends Settings {
  readonly names: readonly string[];
  readonly directory: string;
  /** Null: `bench/results/<date>-<commit>.json`. */
  readonly output: string | null;
  /** Where CPU profiles go; null: none are taken. */
  readonly profileDirectory: string | null;
}

export const usage = `npm run bench -- [options] [benchmark …]

Without names all benchmarks run: ${benchmarks.map(({ name }) => name).join(', ')}

  --pairs N          turns of product and bare server (default 3)
  --seconds N        length of each turn (default 10)
  --warm-up N        seconds before it that do not count (default 3)
  --large-mib N      size of the large file (default 1024)
  --bulk-files N     files of the old store that is taken over in each turn (default 100000)
  --suggest-documents N  documents of the search index of the suggestions (default 1000000)
  --directory PATH   where the data of both goes, on a disk (default ${tmpdir()})
  --output FILE      results as JSON (default bench/results/<date>-<commit>.json)
  --profile PATH     afterwards one more turn of the product, with CPU profiles of its processes
                     in this directory
`;

type NumberName =
  | 'pairs'
  | 'seconds'
  | 'warm-up'
  | 'large-mib'
  | 'bulk-files'
  | 'suggest-documents';

/** @returns null when help was asked for. @throws with every fault found. */
export function parseOptions(args: readonly string[]): Options | null {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      pairs: { type: 'string', default: '3' },
      seconds: { type: 'string', default: '10' },
      'warm-up': { type: 'string', default: '3' },
      'large-mib': { type: 'string', default: '1024' },
      'bulk-files': { type: 'string', default: '100000' },
      'suggest-documents': { type: 'string', default: '1000000' },
      directory: { type: 'string', default: tmpdir() },
      output: { type: 'string' },
      profile: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return null;
  const known = benchmarks.map(({ name }) => name);
  const faults = positionals
    .filter((name) => !known.includes(name))
    .map((name) => `there is no benchmark ${name}`);
  const readNumber = (name: NumberName, least: number) => {
    const value = Number(values[name]);
    if (!(value >= least)) faults.push(`--${name} must be a number of at least ${least}`);
    return value;
  };
  const options: Options = {
    names: positionals.length === 0 ? known : positionals,
    pairs: readNumber('pairs', 1),
    durationMs: readNumber('seconds', 1) * 1000,
    warmUpMs: readNumber('warm-up', 0) * 1000,
    largeBytes: Math.round(readNumber('large-mib', 1) * 1_048_576),
    bulkFiles: Math.round(readNumber('bulk-files', 1)),
    suggestDocuments: Math.round(readNumber('suggest-documents', 1)),
    directory: values.directory,
    output: values.output ?? null,
    profileDirectory: values.profile ?? null,
  };
  if (faults.length > 0) throw new Error(faults.join('\n'));
  return options;
}

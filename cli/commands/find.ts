import { Option, type Command } from 'commander';
import { objectOf } from '#cli/api-answers.ts';
import { exitCodes, type ExitCode } from '#cli/exit-codes.ts';
import { fileCells, fileColumns, printItems } from '#cli/file-table.ts';
import {
  collect,
  collectMembers,
  instantText,
  integerIn,
  sizeInBytes,
} from '#cli/option-values.ts';
import type { RunCommand } from '#cli/run-command.ts';
import { buildSearch, type FindOptions } from '#cli/search-request.ts';
import type { Session } from '#cli/session.ts';
import { limits } from '#domain/limits.ts';

interface Options extends FindOptions {
  readonly limit: number;
  readonly all?: boolean;
}

const anyCount = { min: 1, max: Number.MAX_SAFE_INTEGER };

export function addFind(program: Command, run: RunCommand): void {
  program
    .command('find')
    .description('Find files by their words, names and attributes')
    .argument('[words]', 'looked for in names, descriptions, tags and attributes')
    .addOption(new Option('--mode <mode>').choices(['fulltext', 'exact', 'partial']))
    .addOption(new Option('--engine <engine>').choices(['auto', 'postgres', 'meilisearch']))
    .option('--filename <part>', 'part of the name')
    .option('--extension <extension>')
    .option('--content-type <type>')
    .option('--tag <tag>', 'all of them, when given several times', collect)
    .option('--username <name>', 'whoever stored it')
    .option('--min-size <size>', 'such as 100K, 2G', sizeInBytes)
    .option('--max-size <size>', '', sizeInBytes)
    .option('--created-from <instant>', 'this instant or later', instantText)
    .option('--created-to <instant>', 'this instant or earlier', instantText)
    .option('--element <element_id>')
    .option('--policy <policy>', 'temporary or permanent')
    .option('--state <state>')
    .option('--custom <key=text>', 'key=text, key:=json, key:={"gte": 5}', collectMembers)
    .addOption(
      new Option('--sort <field>').choices([
        'relevance',
        'created_at',
        'updated_at',
        'file_size',
        'original_filename',
      ]),
    )
    .addOption(new Option('--order <order>').choices(['asc', 'desc']))
    .option('--limit <n>', 'no more than so many', integerIn(anyCount), 100)
    .option('--all', 'everything that is found')
    .action((words: string | undefined, options: Options, self: Command) =>
      run(self, (session) => find(session, words, options)),
    );
}

async function find(
  session: Session,
  words: string | undefined,
  options: Options,
): Promise<ExitCode> {
  const search = buildSearch(words, options);
  const { terminal } = session;
  const api = await session.connect();
  let isCut = false;
  const count = await printItems(
    terminal,
    {
      async fetchPage(cursor, limit) {
        const answer = await api.call({
          method: 'POST',
          path: '/files/search',
          json: { ...search, limit, ...(cursor !== null && { cursor }) },
          repeat: 'always',
        });
        isCut = objectOf(answer.json)['is_cut'] === true;
        return answer;
      },
      pageSizeMax: limits.searchPageSizeMax,
      limit: options.all === true ? null : options.limit,
    },
    {
      columns: fileColumns,
      cells: (item, isForPeople) => fileCells(objectOf(item['file']), isForPeople),
    },
  );
  if (count === 0) terminal.note('Nothing was found.');
  if (isCut) terminal.note('There are more matches than can be ranked: narrow the search.');
  return exitCodes.ok;
}

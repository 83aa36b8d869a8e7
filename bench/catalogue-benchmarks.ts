import type { Bench, Benchmark, Goal, LoopOptions } from './benchmarks.ts';
import { amountLimit, counterpartyCount, fillCatalogue, knownWords } from './catalogue-rows.ts';
import { loopSide, type PlainRequest } from './loop-plan.ts';

const fewRows = 10_000;
const manyRows = 1_000_000;
const pageFiles = 20;
const deepPage = 10_000;
const stepFiles = 1000;

/** What is asked of the product, found out when its rows are there. */
type Question = (bench: Bench) => Promise<PlainRequest> | PlainRequest;

interface Asked {
  readonly rows: number;
  readonly options: LoopOptions;
  readonly question: Question;
}

/** No bare server beside it: there is no catalogue that it could leave out. */
function asks({ rows, options, question }: Asked): Benchmark['prepare'] {
  return async (bench) => {
    const { settings, product } = bench;
    await fillCatalogue(product.postgresUrl, rows);
    return [loopSide(settings, product, { options, request: await question(bench) })];
  };
}

function search(...requests: readonly object[]): Question {
  const bodies = requests.map((request) => JSON.stringify({ ...request, limit: pageFiles }));
  return () => ({ kind: 'ask', path: '/api/v1/files/search', bodies });
}

const searchWords = (words: readonly string[]): Question =>
  search(...words.map((query) => ({ query, engine: 'postgres' })));

const attributeSearches: Question = search(
  ...Array.from({ length: 50 }, (_, index) => ({
    engine: 'postgres',
    filters: {
      custom_attributes: { counterparty: `ООО «Контрагент ${(index * 97) % counterpartyCount}»` },
    },
  })),
  ...Array.from({ length: 50 }, (_, index) => {
    const from = (index * 19_001) % (amountLimit - 10_000);
    return {
      engine: 'postgres',
      filters: { custom_attributes: { amount: { gte: from, lt: from + 10_000 } } },
    };
  }),
);

const listPath = `/api/v1/files?limit=${pageFiles}`;
const firstPage: Question = () => ({ kind: 'read', paths: [listPath] });

/** The cursor of a page is that of the item before it, whatever the size of the pages so far. */
async function deepPages({ product }: Bench): Promise<PlainRequest> {
  const [authorization = ''] = await product.authorize();
  const headers = { Authorization: authorization.slice('Authorization: '.length) };
  let cursor = '';
  for (let passed = 0; passed < (deepPage - 1) * pageFiles;) {
    const limit = Math.min(stepFiles, (deepPage - 1) * pageFiles - passed);
    const query = `limit=${limit}${cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`}`;
    const answer = await fetch(`${product.origin}/api/v1/files?${query}`, { headers });
    if (!answer.ok) throw new Error(`a page was answered with ${answer.status}`);
    const page = (await answer.json()) as { next_cursor: string | null };
    if (page.next_cursor === null) throw new Error('there are not so many pages');
    cursor = page.next_cursor;
    passed += limit;
  }
  return { kind: 'read', paths: [`${listPath}&cursor=${encodeURIComponent(cursor)}`] };
}

interface Described extends Asked {
  readonly name: string;
  readonly title: string;
  readonly goal: Goal;
}

function describe({ name, title, goal, ...asked }: Described): Benchmark {
  return { name, title, hasGroups: false, goals: [goal], prepare: asks(asked) };
}

const atLeastPerSecond = (wanted: number): Goal => ({
  figure: 'per_second',
  comparison: 'at least',
  wanted,
});
const p99AtMost = (wanted: number): Goal => ({ figure: 'p99_ms', comparison: 'at most', wanted });

/** In order of their rows: the catalogue only grows. */
export const catalogueBenchmarks: readonly Benchmark[] = [
  describe({
    name: 'search-few',
    title: 'full-text search of 10,000 rows, words in ≤ 1 %, closed loop, 32 connections',
    goal: atLeastPerSecond(700),
    rows: fewRows,
    options: { connections: 32 },
    question: searchWords(knownWords.rare),
  }),
  describe({
    name: 'list-few',
    title: 'first page of 10,000 rows, closed loop, 32 connections',
    goal: atLeastPerSecond(700),
    rows: fewRows,
    options: { connections: 32 },
    question: firstPage,
  }),
  describe({
    name: 'search-rare',
    title: 'full-text search of 1,000,000 rows, words in ≤ 1 %, open loop, 10/s',
    goal: p99AtMost(150),
    rows: manyRows,
    options: { perSecond: 10 },
    question: searchWords(knownWords.rare),
  }),
  describe({
    name: 'search-common',
    title: 'full-text search of 1,000,000 rows, words in 50 % and 5 %, open loop, 2/s',
    goal: p99AtMost(500),
    rows: manyRows,
    options: { perSecond: 2 },
    question: searchWords(knownWords.common),
  }),
  describe({
    name: 'search-attributes',
    title: 'custom attributes of 1,000,000 rows, a value and a range, open loop, 10/s',
    goal: p99AtMost(150),
    rows: manyRows,
    options: { perSecond: 10 },
    question: attributeSearches,
  }),
  describe({
    name: 'list-first',
    title: 'first page of 1,000,000 rows, open loop, 50/s',
    goal: p99AtMost(20),
    rows: manyRows,
    options: { perSecond: 50 },
    question: firstPage,
  }),
  describe({
    name: 'list-deep',
    title: 'page 10,000 of 1,000,000 rows, open loop, 50/s',
    goal: p99AtMost(20),
    rows: manyRows,
    options: { perSecond: 50 },
    question: deepPages,
  }),
];

import test from 'ava';
import { limits } from '#domain/limits.ts';
import { chunkFilesAt } from './migration-pace.ts';

test('the slower a run, the smaller its chunks: a change of pace must not wait long', (t) => {
  const at = (filesPerSecond: number | null, concurrency = 1): number =>
    chunkFilesAt({ filesPerSecond, concurrency });
  t.is(at(null), limits.migrationChunkFiles);
  t.is(at(10_000), limits.migrationChunkFiles);
  t.is(at(10), 20);
  t.is(at(10, 4), 5);
  t.is(at(0.1), 1);
});

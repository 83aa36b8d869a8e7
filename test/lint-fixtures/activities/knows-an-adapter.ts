import { heartbeat } from '@temporalio/activity';
import { openPool } from '#infra/postgres/open-pool.ts'; // refused
import { readFile } from 'node:fs/promises'; // refused
import { limits } from '#domain/limits.ts';

export const known = [heartbeat, openPool, readFile, limits];

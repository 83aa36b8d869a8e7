import { Client } from '@temporalio/client'; // refused
import { Pool } from 'pg'; // refused
import { openPool } from '#infra/postgres/open-pool.ts'; // refused
import Koa from 'koa';
import { limits } from '#domain/limits.ts';

export const known = [Client, Pool, openPool, Koa, limits];

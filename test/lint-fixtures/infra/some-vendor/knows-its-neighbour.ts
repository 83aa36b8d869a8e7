import { openPool } from '#infra/postgres/open-pool.ts'; // refused
import { createServer } from '#api/server.ts'; // refused
import { workflowTypes } from '#workflows/messages.ts';
import { storeFiles } from '#workflows/store-files.ts'; // refused
import { limits } from '#domain/limits.ts';

export const known = [openPool, createServer, workflowTypes, storeFiles, limits];

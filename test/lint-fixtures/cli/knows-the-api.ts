import { createServer } from '#api/server.ts'; // refused
import { loadApiConfig } from '#config/load-config.ts'; // refused
import { openPool } from '#infra/postgres/open-pool.ts'; // refused
import { workflowNames } from '#workflows/messages.ts'; // refused
import { Command } from 'commander';
import { limits } from '#domain/limits.ts';

export const known = [createServer, loadApiConfig, openPool, workflowNames, Command, limits];

import { sleep } from '@temporalio/workflow';
import { Client } from '@temporalio/client'; // refused
import { readFile } from 'node:fs/promises'; // refused
import { createActivities } from '#activities/store-files-activities.ts'; // refused
import type { Activities } from '#activities/store-files-activities.ts';
import { openPool } from '#infra/postgres/open-pool.ts'; // refused

export const touched = [sleep, Client, readFile, createActivities, openPool];
export type Touched = Activities;

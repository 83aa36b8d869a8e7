import { DriverException } from '@mikro-orm/core';
import { translateDatabaseError } from './database-errors.ts';

/** Runs work of the ORM; what its driver throws is translated, faults of its own use are not. */
export async function withOrmErrors<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof DriverException ? translateDatabaseError(error) : error;
  }
}

import type { AccountId, OperationId } from '#domain/ids.ts';

/** Starts the durable work that keeps the search index right. */
export interface SearchMaintenance {
  /**
   * Fills a new index from the catalogue beside the serving one, which goes on until it is done.
   * @param reindex.operationId a new one.
   * @throws OPERATION_IN_PROGRESS (with the operation) while one is running, WORKFLOWS_UNAVAILABLE,
   *   CATALOGUE_UNAVAILABLE
   */
  startReindex(reindex: {
    readonly operationId: OperationId;
    readonly startedBy: AccountId;
  }): Promise<void>;
}

/** The one list of workflows: what stands here can be started by name. */
export { batchDelete } from './batch-delete.ts';
export { deleteFile } from './delete-file.ts';
export { followOutbox } from './follow-outbox.ts';
export { migrateAttributes } from './migrate-attributes.ts';
export { migrateShard } from './migrate-shard.ts';
export { rebuildCatalogue } from './rebuild-catalogue.ts';
export { reconcileElement } from './reconcile-element.ts';
export { reindexSearch } from './reindex-search.ts';
export { storeFiles } from './store-files.ts';
export { sweepElement } from './sweep-element.ts';
export { updateAttributes } from './update-attributes.ts';

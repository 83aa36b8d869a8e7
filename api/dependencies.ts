import type { Logger } from 'pino';
import type { AttributesCodec } from '#domain/attributes/attributes-codec.ts';
import type { ComponentHealth } from '#domain/ports/component-health.ts';
import type { ElementDirectories } from '#domain/ports/element-directories.ts';
import type { ElementMaintenance } from '#domain/ports/element-maintenance.ts';
import type { FileCache } from '#domain/ports/file-cache.ts';
import type { FileCatalogue } from '#domain/ports/file-catalogue.ts';
import type { FileLifecycle } from '#domain/ports/file-lifecycle.ts';
import type { AccountRegistry, SecretHasher, SigningKeyStore } from '#domain/ports/identity.ts';
import type { ElementAccess } from '#domain/ports/object-store.ts';
import type { MigrationLifecycle } from '#domain/ports/migration-lifecycle.ts';
import type { MigrationRuns } from '#domain/ports/migration-runs.ts';
import type { OperationFailures } from '#domain/ports/operation-failures.ts';
import type { OperationKeys } from '#domain/ports/operation-keys.ts';
import type { OperationRegistry } from '#domain/ports/operation-registry.ts';
import type { FileSearch, SearchIndex } from '#domain/ports/file-search.ts';
import type { Outbox } from '#domain/ports/outbox.ts';
import type { SearchMaintenance } from '#domain/ports/search-maintenance.ts';
import type { StorageElementRegistry } from '#domain/ports/storage-element-registry.ts';
import type { TemplateChecker } from '#domain/ports/template-checker.ts';
import type { TemplateRegistry } from '#domain/ports/template-registry.ts';
import type { UploadRegistry } from '#domain/ports/upload-registry.ts';

/** The world as the API sees it. */
export interface ApiPorts {
  readonly catalogue: FileCatalogue;
  /** Null: every read asks the catalogue. */
  readonly cache: FileCache | null;
  readonly feed: Pick<Outbox, 'readEpoch' | 'readAfter' | 'isReachable' | 'measureLag'>;
  readonly search: FileSearch;
  /** Null: PostgreSQL answers every search. */
  readonly searchIndex: SearchIndex | null;
  readonly searchMaintenance: SearchMaintenance;
  readonly uploads: UploadRegistry;
  readonly operations: OperationRegistry;
  readonly operationKeys: OperationKeys;
  readonly elements: StorageElementRegistry;
  readonly elementAccess: ElementAccess;
  readonly elementDirectories: ElementDirectories;
  readonly elementMaintenance: ElementMaintenance;
  readonly migrations: MigrationLifecycle;
  readonly migrationRuns: Pick<MigrationRuns, 'readReport'>;
  readonly failures: Pick<OperationFailures, 'listFailures'>;
  readonly lifecycle: FileLifecycle;
  readonly accounts: AccountRegistry;
  readonly signingKeys: SigningKeyStore;
  readonly secrets: SecretHasher;
  readonly codec: AttributesCodec;
  readonly templates: TemplateRegistry;
  readonly templateChecker: TemplateChecker;
  readonly components: readonly ComponentHealth[];
}

export interface ApiSettings {
  /** Origin under which callers reach the API, issuer of tokens; null: where the server listens. */
  readonly publicUrl: string | null;
  /** Where operators look at a workflow; null when there is no such page. */
  readonly workflowPageUrl: ((workflowId: string) => string) | null;
  /** 32 bytes, the same in every instance: authenticates paging cursors. */
  readonly cursorKey: Uint8Array;
  /** Names this instance in the leases of uploads that it receives. */
  readonly instanceName: string;
  /** How long the deletion of a file can still be cancelled. */
  readonly deletionGraceMs: number;
}

export interface ApiDependencies {
  readonly ports: ApiPorts;
  readonly settings: ApiSettings;
  readonly logger: Logger;
}

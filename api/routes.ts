import { authRoutes } from '#api/auth/auth-routes.ts';
import { documentationRoutes } from '#api/documentation/documentation-routes.ts';
import { listEvents } from '#api/events/list-events.ts';
import { batchDeleteFiles } from '#api/files/batch-delete.ts';
import { createFile } from '#api/files/create-file.ts';
import { deleteFile } from '#api/files/delete-file.ts';
import { getAttributes } from '#api/files/get-attributes.ts';
import { getContent } from '#api/files/get-content.ts';
import { patchFile } from '#api/files/patch-file.ts';
import { listFiles, showFile } from '#api/files/read-files.ts';
import { healthRoutes } from '#api/health/health-routes.ts';
import { migrationRoutes } from '#api/migrations/migration-routes.ts';
import { operationRoutes } from '#api/operations/operation-routes.ts';
import { searchFiles } from '#api/search/search-files.ts';
import { reindexSearch, showSearchStatus } from '#api/search/search-status.ts';
import { suggestFiles } from '#api/search/suggest-files.ts';
import type { Route } from '#api/route.ts';
import { schemaRoutes } from '#api/schemas/schema-routes.ts';
import {
  listTemplates,
  listTemplateVersions,
  showTemplate,
} from '#api/templates/read-templates.ts';
import { registerTemplate } from '#api/templates/register-template.ts';
import { elementRoutes } from '#api/storage-elements/element-routes.ts';

const resources: readonly Route[] = [
  createFile,
  listFiles,
  // Before the files whose ids its path would match.
  suggestFiles,
  searchFiles,
  showFile,
  patchFile,
  deleteFile,
  batchDeleteFiles,
  getContent,
  getAttributes,
  ...operationRoutes,
  ...migrationRoutes,
  ...elementRoutes,
  showSearchStatus,
  reindexSearch,
  listEvents,
  // Before the versions of the sidecar whose names its path would match.
  listTemplates,
  registerTemplate,
  listTemplateVersions,
  showTemplate,
  ...schemaRoutes,
  ...authRoutes,
  ...healthRoutes,
];

/** The one list of everything that answers. */
export const routes: readonly Route[] = [...resources, ...documentationRoutes(resources)];

import type { Logger } from 'pino';
import { createAdmission, type Admission } from '#api/admission.ts';
import { createAccessTokens, type AccessTokens } from '#api/auth/access-tokens.ts';
import { createTokenIssuer, type TokenIssuer } from '#api/auth/token-issuer.ts';
import { createTokenKeys, type TokenKeys } from '#api/auth/token-keys.ts';
import { createTokenRateLimit, type TokenRateLimit } from '#api/auth/token-rate-limit.ts';
import type { ApiDependencies, ApiPorts, ApiSettings } from '#api/dependencies.ts';
import { keepCacheCoherent } from '#api/files/coherent-ports.ts';
import { createCursorCodec, type CursorCodec } from '#api/files/cursor.ts';
import { createFreeSpace, type FreeSpace } from '#api/uploads/free-space.ts';
import { limits } from '#domain/limits.ts';
import { createReceivingUploads, type ReceivingUploads } from '#api/uploads/receiving-uploads.ts';

/** What the steps of routes work with: ports, and the few things made once per server. */
export interface ApiServices {
  readonly ports: ApiPorts;
  readonly settings: ApiSettings;
  readonly logger: Logger;
  readonly tokenKeys: TokenKeys;
  readonly tokens: AccessTokens;
  readonly tokenIssuer: TokenIssuer;
  readonly tokenRateLimit: TokenRateLimit;
  readonly cursors: CursorCodec;
  readonly freeSpace: FreeSpace;
  readonly receiving: ReceivingUploads;
  /** PATCH and DELETE under way. */
  readonly changing: Admission;
  readonly isDraining: () => boolean;
}

export function createServices(
  { ports: given, settings, logger }: ApiDependencies,
  server: { readonly isDraining: () => boolean; readonly origin: () => string },
): ApiServices {
  const ports = keepCacheCoherent(given);
  const tokenKeys = createTokenKeys(ports.signingKeys);
  const tokens = createAccessTokens(tokenKeys, () => settings.publicUrl ?? server.origin());
  return {
    ports,
    settings,
    logger,
    tokenKeys,
    tokens,
    tokenIssuer: createTokenIssuer(ports.accounts, ports.secrets, tokens),
    tokenRateLimit: createTokenRateLimit(Date.now),
    cursors: createCursorCodec(settings.cursorKey),
    freeSpace: createFreeSpace(ports.elements, ports.elementAccess),
    receiving: createReceivingUploads(ports.uploads, { settings, logger }),
    changing: createAdmission(limits.admittedChanges, {
      code: 'TOO_MANY_CHANGES',
      detail: 'Too many changes are under way; send it again.',
    }),
    isDraining: server.isDraining,
  };
}

import { Option, type Command } from 'commander';
import type { JsonObject } from '#domain/json.ts';
import { limits } from '#domain/limits.ts';
import { collect, collectMembers, instantText, integerIn } from './option-values.ts';

/** What the options say about every file of one command. */
export interface AttributeOptions {
  readonly description?: string;
  /** Not `version`, which asks for that of the command. */
  readonly fileVersion?: string;
  readonly tag?: readonly string[];
  readonly metadata?: JsonObject;
  readonly custom?: JsonObject;
  readonly template?: string;
  readonly permanent?: boolean;
  readonly ttlDays?: number;
  readonly retainUntil?: string;
}

export function addAttributeOptions(command: Command): Command {
  const ttl = integerIn({ min: limits.ttlDaysMin, max: limits.ttlDaysMax });
  return command
    .option('--description <text>', 'description')
    .option('--file-version <text>', "the document's own version")
    .option('--tag <tag>', 'a tag; may be given several times', collect)
    .option('--metadata <key=text>', 'metadata: key=text, key:=json or {…}', collectMembers)
    .option('--custom <key=text>', 'custom attributes, in the same forms', collectMembers)
    .option('--template <name@version>', 'the template that the custom attributes must fit')
    .addOption(
      new Option('--permanent', 'keep for good; otherwise the file is temporary').conflicts(
        'ttlDays',
      ),
    )
    .option('--ttl-days <days>', 'life of a temporary file', ttl)
    .addOption(
      new Option('--retain-until <instant>', 'permanent files: not to be deleted before')
        .argParser(instantText)
        .conflicts('ttlDays'),
    );
}

/** The members of the form's field `attributes`; only what was said. */
export function fieldsOf(options: AttributeOptions): JsonObject {
  const { description, fileVersion, tag, metadata, custom, template } = options;
  const isPermanent = options.permanent === true || options.retainUntil !== undefined;
  return {
    ...(description !== undefined && { description }),
    ...(fileVersion !== undefined && { version: fileVersion }),
    ...(tag !== undefined && { tags: tag }),
    ...(metadata !== undefined && { metadata }),
    ...(custom !== undefined && { custom_attributes: custom }),
    ...(template !== undefined && { template }),
    ...(isPermanent && { retention_policy: 'permanent' }),
    ...(options.ttlDays !== undefined && { ttl_days: options.ttlDays }),
    ...(options.retainUntil !== undefined && { retain_until: options.retainUntil }),
  };
}

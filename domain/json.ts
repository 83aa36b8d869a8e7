/**
 * A number that JavaScript cannot hold exactly keeps its source text: `JSON.rawJSON('12345678901234567890')`.
 * `JSON.stringify` writes it back digit for digit.
 */
export interface RawNumber {
  readonly rawJSON: string;
}

export type JsonValue = string | number | boolean | null | RawNumber | JsonArray | JsonObject;
export type JsonArray = readonly JsonValue[];
export interface JsonObject {
  readonly [key: string]: JsonValue | undefined;
}

import type { XStatic } from 'typebox/schema';

type Scalar = string | number | boolean | null;
type TypeName = 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean' | 'null';

/** The part of JSON Schema (draft 2020-12) that findSchemaFaults() knows; another keyword in a schema is a type error. */
export interface JsonSchema {
  readonly type?: TypeName | readonly TypeName[];
  readonly const?: Scalar;
  readonly enum?: readonly Scalar[];
  readonly anyOf?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly patternProperties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: boolean | JsonSchema;
  readonly items?: JsonSchema;
  readonly minItems?: number;
  readonly uniqueItems?: boolean;
  /** In code points. */
  readonly minLength?: number;
  /** An expression with the flag u. */
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  /** These keywords say nothing about what is valid. */
  readonly default?: unknown;
  readonly title?: string;
  readonly description?: string;
  readonly format?: string;
  readonly examples?: readonly unknown[];
}

/** The type of a value without faults by this schema, which is written `as const satisfies JsonSchema`. */
export type TypeOf<Schema> = XStatic<Schema>;

import { Option } from 'commander';
import { OUTPUT_FORMATS } from './io.ts';

/** The same in every command that prints something: a table for a person, or all there is for a program. */
export function outputOption(): Option {
  return new Option('-o, --output <FORMAT>', 'a table to read, or everything for programs')
    .choices(OUTPUT_FORMATS)
    .default('table');
}

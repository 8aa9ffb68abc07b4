export { Prompter } from './prompter.ts';

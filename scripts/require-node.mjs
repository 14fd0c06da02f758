// First step of start, test and check: plain JavaScript for any Node from 18 on, so that an old one is told what to do.
const NEEDED = [22, 18];

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < NEEDED[0] || (major === NEEDED[0] && minor < NEEDED[1])) {
  console.error(
    `Expected Node ${NEEDED.join('.')} or newer, which runs TypeScript directly; this is Node ${process.versions.node} (${process.execPath}).\n` +
      'The project brings its own Node as the package `node`, whose install script was skipped or failed. Run:\n\n' +
      '  npm rebuild node\n',
  );
  process.exit(1);
}

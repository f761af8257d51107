// The products, and a cart that stays in this tab while somebody logs in.
const KEY = 'shop.cart';
// The server takes no more.
const MOST = 99;
const MONEY = new Intl.NumberFormat('en', { style: 'currency', currency: 'EUR' });

const products = await (await fetch('products.json')).json();

const kept = JSON.parse(sessionStorage.getItem(KEY) ?? '{}');

/** How many of which product, by its id; of what is not sold any more, none. */
export const counts = Object.fromEntries(products.flatMap(({ id }) => (kept[id] ? [[id, kept[id]]] : [])));

export function element(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

export const button = (textContent, onclick) => element('button', { textContent, onclick });

export function clear() {
  Object.keys(counts).forEach((id) => delete counts[id]);
  draw();
}

function put(id, more) {
  counts[id] = Math.min((counts[id] ?? 0) + more, MOST);
  draw();
}

function remove(id) {
  delete counts[id];
  draw();
  // The button that was pressed is gone, and the keyboard's place with it.
  document.querySelector('#cart-title').focus();
}

function draw() {
  sessionStorage.setItem(KEY, JSON.stringify(counts));
  const lines = products.filter(({ id }) => counts[id]);
  const total = lines.reduce((sum, { id, cents }) => sum + cents * counts[id], 0);
  document.querySelector('#cart').replaceChildren(
    ...lines.map(({ id, name }) =>
      element('li', {}, `${counts[id]} × ${name} `, button(`Remove ${name}`, () => remove(id))),
    ),
  );
  document.querySelector('#total').textContent = lines.length ? `Total: ${MONEY.format(total / 100)}` : 'It is empty.';
  document.querySelector('#order').disabled = !lines.length;
}

document.querySelector('#products').replaceChildren(
  ...products.map(({ id, name, about, cents }) =>
    element(
      'li',
      {},
      element('h3', { textContent: name }),
      element('p', { textContent: about }),
      element('p', { textContent: MONEY.format(cents / 100) }),
      button(`Add ${name}`, () => put(id, 1)),
    ),
  ),
);
draw();

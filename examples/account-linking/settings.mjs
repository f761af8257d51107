// Yours: the tenant's domain, the application's client id, and the API's identifier.
export const settings = {
  domain: 'acme.us.auth0.com',
  clientId: 'one of ShopClientIds',
  audience: 'https://shop.example/api',
};

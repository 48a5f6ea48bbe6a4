/** Swagger UI over this server's own description; sends nothing elsewhere. */

/* global SwaggerUIBundle */
const place = document.getElementById("swagger-ui");
SwaggerUIBundle({ url: place.dataset.schema, domNode: place, deepLinking: true, validatorUrl: null, persistAuthorization: false });

// TF.js' cpu back end, for references computed in Node; the others don't load it.
"use strict";

edgebenchRequire("@tensorflow/tfjs-backend-cpu");

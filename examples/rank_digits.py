"""
Search that learns what alike means
===================================

Find images of the same digit: every image is a query, and two hundred others are its documents, to
be ranked. The usual way is by distance, in which all principal components count alike. A linear
`LossRanker` on their squared differences is a distance too, with weights learned from rankings.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

import sklosses as sl

DOCUMENTS = 200
X, digit = load_digits(return_X_y=True)
train, test = train_test_split(
    np.arange(len(X)), test_size=0.5, stratify=digit, random_state=0
)  # images, so that no image of the test is ever seen
Z = PCA(20, random_state=0).fit(X[train]).transform(X)


# sphinx-start: pairs
def pairs(queries, images, rng):
    """Return a row a pair: squared differences, whether it is the same digit, and who they are."""
    query = np.repeat(queries, DOCUMENTS)
    document = np.concatenate(
        [rng.choice(images[images != q], DOCUMENTS, replace=False) for q in queries]
    )
    return (Z[query] - Z[document]) ** 2, digit[query] == digit[document], query, document


# sphinx-end: pairs

# %%
# Fit on 300 queries; no scaling, no intercept, whole queries a batch.

rng = np.random.default_rng(0)
rows, relevant, qid, _ = pairs(train[:300], train, rng)
models = {
    "LambdaRank": sl.LossRanker("lambda_rank", random_state=0).fit(rows, relevant, qid=qid),
    "ListNet": sl.LossRanker("list_net", random_state=0).fit(rows, relevant, qid=qid),
}

# %%
# Compare on images that were not seen, query by query. At the top of the list the distance is good
# already and little is won; further down, which the average precision sees, there is more.

rows, relevant, qid, document = pairs(test, test, rng)
scores = {"distance": -rows.sum(axis=1)}
scores |= {name: model.predict(rows) for name, model in models.items()}
table = sl.metrics.compare_rankings(relevant, scores, qid=qid, metrics=["ndcg@10", "map"])
print(table.to_string())

# %%
# The first three queries (left) for which the distance errs, and the first ten images of both ways.


def first_ten(name, query):
    mine = qid == query
    return document[mine][np.argsort(-scores[name][mine])[:10]]


errors = [q for q in test if (digit[first_ten("distance", q)] != digit[q]).any()][:3]
fig, axes = plt.subplots(6, 11, figsize=(8, 5), layout="constrained")
shown = [(query, name) for query in errors for name in ("distance", "LambdaRank")]
for row, (query, name) in enumerate(shown):
    for axis, image in zip(axes[row], [query, *first_ten(name, query)], strict=True):
        wrong = digit[image] != digit[query]
        axis.imshow(X[image].reshape(8, 8), cmap="Reds" if wrong else "Greys")
        axis.set(xticks=[], yticks=[])
    axes[row, 0].set_ylabel(name, rotation=0, ha="right", va="center")
plt.show()

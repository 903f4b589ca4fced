"""
Published coefficients: Engel's food expenditure and the stack loss
===================================================================

Two classics that every package of robust statistics is measured by: Engel's 235 households, whose
spread grows with income, by quantile regression; the 21 days of a plant that lost ammonia through
its stack, by Huber's M-estimator. The coefficients are those of R's ``quantreg`` and ``MASS``.
"""

from importlib.util import find_spec

import numpy as np
import pandas as pd
import statsmodels.api as sm

import sklosses as sl

engel = sm.datasets.engel.load_pandas().data
income, food = engel[["income"]].to_numpy(), engel["foodexp"].to_numpy()

# %%
# Quantiles of food expenditure given income. What is certified is the loss, relative to the least
# possible; the default gap leaves four digits of the coefficients, a smaller `tol` all of them.

published = {0.25: (95.4835, 0.4741), 0.5: (81.4823, 0.5602), 0.75: (62.3966, 0.6440)}
rows = []
for quantile, (intercept, slope) in published.items():
    loss = sl.Pinball(quantile=quantile)
    model = sl.LossRegressor(loss=loss, penalty=None, tol=1e-8).fit(income, food)
    theirs = sm.QuantReg(food, sm.add_constant(income)).fit(q=quantile)
    rows.append(
        {
            "quantile": quantile,
            "intercept": model.intercept_,
            "slope": model.coef_[0],
            "published intercept": intercept,
            "published slope": slope,
            "statsmodels' slope": theirs.params[1],
            "gap": model.optimality_gap_,
        }
    )
quantiles = pd.DataFrame(rows).set_index("quantile")
print(quantiles.to_string(float_format="{:.6g}".format))

# %%
# The M-estimator at a given scale, here the one that the published fit ended with: 1.345 times it
# is where Huber's loss becomes linear.

plant = sm.datasets.stackloss.load_pandas()
names = ["AIRFLOW", "WATERTEMP", "ACIDCONC"]
X, loss_of_ammonia = plant.exog[names].to_numpy(float), plant.endog.to_numpy(float)
robust = sm.RLM(loss_of_ammonia, sm.add_constant(X), M=sm.robust.norms.HuberT(1.345)).fit()
huber = sl.LossRegressor(loss=sl.Huber(delta=1.345 * robust.scale), penalty=None)
huber.fit(X, loss_of_ammonia)
stackloss = pd.DataFrame(
    {
        "sklosses": [huber.intercept_, *huber.coef_],
        "statsmodels": robust.params,
        "published": [-41.0265, 0.8294, 0.9261, -0.1278],
    },
    index=["intercept", *names],
)
print(stackloss.to_string(float_format="{:.4f}".format))

# %%
# Richer households differ more.

if find_spec("matplotlib"):
    import matplotlib.pyplot as plt

    fig, ax = plt.subplots(layout="constrained")
    ax.plot(income, food, ".", color="0.7", label="households")
    ends = np.array([income.min(), income.max()])
    for quantile, row in quantiles.iterrows():
        ax.plot(ends, row["intercept"] + row["slope"] * ends, label=f"{quantile:.0%} quantile")
    ax.set(xlabel="income (francs)", ylabel="food expenditure (francs)")
    ax.legend()
    plt.show()
